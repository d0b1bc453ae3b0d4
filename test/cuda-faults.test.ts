/**
 * What a user sees where a GPU, its memory or its libraries fail, on the emulated plugin (native/emulation), each in a
 * process of its own. `abort=1` ends a process that breaks a rule of CUDA. native/emulation/tests/plugin has every
 * single call; here are the ways through the whole package.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type ExecutionContext } from 'ava'
import { Checkpoint, prune } from 'twofour'
import { runChild, twofourUrl } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const release = join(import.meta.dirname, '..', 'build', 'Release')
const built = join(release, 'libtwofour_cuda_emulated.so')
/** Skipped, and counted so, where the emulated plugin was not built. */
const test = existsSync(built) ? anyTest : anyTest.skip

const masked = temporaryDirectory('masked')
const model = (async () => {
  const base = await Checkpoint.open(await makeCheckpoint({ head: 'ForSequenceClassification', seed: 3 }))
  const plan = await prune(base, { steps: [{ pattern: '2:4' }] })
  await (await plan.apply(base)).save(masked, { form: 'masked' })
  return masked
})()

const prelude = `
  const [directory, expected] = process.argv.slice(1)
  const load = (options) =>
    Encoder.load(directory, { device: 'cuda', sparsity: 'require', tuning: { budget: 0 }, ...options })
  const small = [[5, 6, 7]]
  const large = Array.from({ length: 12 }, (_, row) => Array.from({ length: 9 + row }, (_, i) => (row * 7 + i * 3) % 60))
  const ask = async (encoder, batch) => [...(await encoder.run(batch, { outputs: ['logits'] })).logits]
  const [wantedSmall, wantedLarge] = JSON.parse(expected)
  const near = (got, wanted) => got.length === wanted.length && got.every((x, i) => Math.abs(x - wanted[i]) < 0.05)
  const right = async (encoder) => near(await ask(encoder, small), wantedSmall) && near(await ask(encoder, large), wantedLarge)
  const failure = (promise) => promise.then(() => 'none', ({ name, code, message }) => [name, code, message])
  const tell = (...values) => process.stdout.write(JSON.stringify(values))
`

/** Runs a program on the emulated device and gives what it tells. Nothing may be written beside that. */
async function emulated<T>(
  t: ExecutionContext,
  settings: string,
  body: string,
  { plugin = built, said = /^$/ }: { plugin?: string; said?: RegExp } = {},
): Promise<T> {
  const environment = {
    TWOFOUR_CUDA_PLUGIN: plugin,
    TWOFOUR_EMULATION: settings,
    XDG_CACHE_HOME: temporaryDirectory('cache'),
  }
  const args = [await model, await answers]
  const { code, signal, stdout, stderr } = await runChild(prelude + body, args, [], environment)
  t.regex(stderr, said)
  t.deepEqual({ code, signal }, { code: 0, signal: null }, stderr)
  return JSON.parse(stdout) as T
}

const answers = (async () => {
  const program = `${prelude.replace('JSON.parse(expected)', '[]')}
    const encoder = await load({ device: 'cpu', sparsity: 'off' })
    tell(await ask(encoder, small), await ask(encoder, large))`
  return existsSync(built) ? (await runChild(program, [await model])).stdout : ''
})()

/** Both the allocation and the try after everything unused was freed. */
function exhausted(functionName: string, calls: readonly number[]): string {
  return calls.flatMap((call) => [call, call + 1].map((each) => `fail=${functionName}:${each}:2`)).join(',')
}

test('out of memory while loading rejects, and the next load works', async (t) => {
  const calls = [1, 4, 9, 15, 22, 30]
  const body = `
    const failures = []
    for (let i = 0; i < ${calls.length + 2}; i++) {
      const end = await failure(load().then(async (encoder) => {
        if (!(await right(encoder))) throw new Error('wrong numbers')
        encoder.dispose()
      }))
      failures.push(end === 'none' ? end : end[1])
    }
    tell(failures)`
  const [failures] = await emulated<[string[]]>(t, `abort=1,${exhausted('cudaMalloc', calls)}`, body)
  t.true(failures.includes('OUT_OF_MEMORY'))
  t.deepEqual(new Set(failures), new Set(['OUT_OF_MEMORY', 'none']))
  t.is(failures.at(-1), 'none')
  const [pinned] = await emulated<[string[]]>(t, `abort=1,${exhausted('cudaHostAlloc', [1])}`, body)
  t.deepEqual(pinned, ['OUT_OF_MEMORY', ...Array(calls.length + 1).fill('none')])
})

test('a run for which the device has no memory fails alone', async (t) => {
  // Beside the workspace of 32 MiB there is room for the model and a few hundred tokens.
  const [first, tooMuch, after] = await emulated<[boolean, string[], boolean]>(
    t,
    'abort=1,memory=36',
    `
    const encoder = await load()
    const first = await right(encoder)
    const huge = Array.from({ length: 400 }, () => new Int32Array(40).fill(2))
    const tooMuch = await failure(encoder.run(huge, { outputs: ['logits'] }))
    tell(first, tooMuch, await right(encoder))
    encoder.dispose()`,
  )
  t.true(first)
  t.deepEqual(tooMuch.slice(0, 2), ['TwofourError', 'OUT_OF_MEMORY'])
  t.regex(tooMuch[2]!, /Lower maxTokens, or free memory of the device\.$/)
  t.true(after)
})

test('a library that fails once fails one load or run, with its name and status', async (t) => {
  const statuses: [string, RegExp, string][] = [
    ['cusparseLtMatmul:12:6', /cuSPARSELt returned CUSPARSE_STATUS_EXECUTION_FAILED/, 'CUDA_LIBRARY_FAILED'],
    ['cusparseLtMatmul:12:2', /cuSPARSELt returned CUSPARSE_STATUS_ALLOC_FAILED/, 'OUT_OF_MEMORY'],
    ['cublasLtMatmul:2:14', /cuBLASLt returned CUBLAS_STATUS_INTERNAL_ERROR/, 'CUDA_LIBRARY_FAILED'],
    ['cudaLaunchKernel:20:701', /The GPU refused to start the kernel/, 'DEVICE_FAILED'],
    ['cudaEventSynchronize:2:801', /CUDA runtime said cudaErrorNotSupported/, 'DEVICE_FAILED'],
  ]
  const ends = statuses.map(async ([fault, sentence, code]) => {
    const body = `
      let encoder
      const once = async () => {
        encoder ??= await load()
        if (!(await right(encoder))) throw new Error('wrong numbers')
      }
      const ends = []
      for (let i = 0; i < 4; i++) ends.push(await failure(once()))
      tell(ends)
      encoder.dispose()`
    const [all] = await emulated<[('none' | string[])[]]>(t, `abort=1,fail=${fault}`, body)
    const failures = all.filter((end) => end !== 'none') as string[][]
    t.is(failures.length, 1, fault)
    t.deepEqual(failures[0]!.slice(0, 2), ['TwofourError', code], fault)
    t.regex(failures[0]![2]!, sentence)
    t.is(all.at(-1), 'none')
  })
  await Promise.all(ends)
})

test('after a kernel fault the device is lost to the process, and other devices are not', async (t) => {
  const body = `
    const options = { device: 'cuda:0' }
    const [one, two, elsewhere] = [await load(options), await load(options), await load({ device: 'cuda:1' })]
    const codes = []
    for (const encoder of [one, one, two]) codes.push((await failure(ask(encoder, large)))[1])
    codes.push((await failure(load(options)))[1])
    const before = codes.splice(0)
    const other = await right(elsewhere)
    const another = await load({ device: 'cuda:1' })
    tell(before, other, await right(another))
    one.dispose()
    elsewhere.dispose()`
  const [codes, other, another] = await emulated<[string[], boolean, boolean]>(
    t,
    'devices=2,report=1,fail=kernel:9:1',
    body,
    { said: /^emulated CUDA: The device is lost: `\w.*` failed when it ran: the fault was asked for\.\n$/ },
  )
  t.deepEqual(codes, Array(4).fill('CUDA_DEVICE_LOST'))
  t.true(other)
  t.true(another)
})

/** A copy of the emulated plugin with its runtime, and its libraries after `change`. */
function pluginWith(library: RegExp, change: (bytes: Buffer) => Buffer): string {
  const folder = temporaryDirectory('plugin')
  mkdirSync(join(folder, 'emulated'))
  const plugin = join(folder, 'libtwofour_cuda_emulated.so')
  cpSync(built, plugin)
  for (const name of ['libcudart_emulated.so', 'libcublasLt.so.13', 'libcusparseLt.so.0']) {
    const bytes = readFileSync(join(release, 'emulated', name))
    writeFileSync(join(folder, 'emulated', name), library.test(name) ? change(bytes) : bytes)
  }
  return plugin
}

/** What the loader passes over. */
const absent = () => Buffer.alloc(0)

function withoutSymbol(bytes: Buffer, symbol: string): Buffer {
  const at = bytes.indexOf(`\0${symbol}\0`)
  bytes[at + 1]! ^= 1
  return bytes
}

const reasonOf = (sparsity: string) => `
  const encoder = await load({ sparsity: '${sparsity}' })
  const good = await right(encoder)
  const inLayers = encoder.explain().filter(({ name }) => name.startsWith('layers'))
  tell(good, [...new Set(inLayers.map(({ buckets }) => buckets[0].reason))], inLayers[0].forms.map(({ form }) => form))
  encoder.dispose()`

const sparseLibraries: [what: string, settings: string, reason: RegExp, plugin?: () => string][] = [
  [
    'too old',
    'cusparselt=701',
    /cuSPARSELt 0\.7\.1; twofour needs 0\.8\.0 or newer\. `npx twofour cuda install`/,
  ],
  ['wrong', 'cusparselt_wrong_id=0', /failed twofour's check of it: a small product has wrong numbers/],
  ['of larger structs', 'cusparselt_spill=64', /failed twofour's check of it: its structs are larger/],
  [
    'absent',
    'abort=1',
    /^cuSPARSELt was not found\. `npx twofour cuda install`/,
    () => pluginWith(/sparse/, absent),
  ],
  [
    'without a function',
    'abort=1',
    /has no function cusparseLtMatmulPlanInit\./,
    () => pluginWith(/sparse/, (bytes) => withoutSymbol(bytes, 'cusparseLtMatmulPlanInit')),
  ],
]
for (const [what, settings, reason, plugin] of sparseLibraries) {
  test(`with a cuSPARSELt that is ${what} everything runs dense, and explain says why`, async (t) => {
    const options = plugin === undefined ? {} : { plugin: plugin() }
    const [good, reasons, forms] = await emulated<[boolean, string[], string[]]>(
      t,
      `abort=1,${settings}`,
      reasonOf('auto'),
      options,
    )
    t.true(good)
    t.is(reasons.length, 1)
    t.regex(reasons[0]!, reason)
    t.deepEqual(forms, ['bfloat16'])
  })
}

test('cuSPARSELt 0.8.0 is used, with a note', async (t) => {
  const body = `
    const { cudaState } = await import(${JSON.stringify(twofourUrl)})
    const note = cudaState().libraries[1].sentence
    ${reasonOf('require').replace('tell(good,', 'tell(note, good,')}`
  const [note, good, reasons] = await emulated<[string, boolean, string[]]>(t, 'abort=1,cusparselt=800', body)
  t.regex(note, /0\.8\.0 is slower .* H100 and L4/)
  t.true(good)
  t.deepEqual(reasons, ['Sparse forms were required.'])
})

const machines: [settings: string, device: string, sentence: RegExp, plugin?: () => string][] = [
  ['driver=12040', 'cuda', /serves CUDA up to 12\.4, .* needs 13\.0\. Install driver 580 or newer\./],
  ['devices=0', 'cuda', /sees no GPU/],
  ['compute=75', 'cuda', /compute capability 7\.5; twofour needs 8\.0 or newer/],
  ['devices=2', 'cuda:2', /The CUDA devices here are 0, 1\./],
  ['cublaslt=120801', 'cuda', /was made for cuBLASLt 13\. `npx twofour cuda install`/],
  [
    '',
    'cuda',
    /cuBLASLt was not found\. `npx twofour cuda install` fetches it\./,
    () => pluginWith(/cublas/, absent),
  ],
]
test('a machine that cannot is refused with what it lacks', async (t) => {
  const ends = machines.map(async ([settings, device, sentence, plugin]) => {
    const body = `tell(await failure(load({ device: ${JSON.stringify(device)} })))`
    const options = plugin === undefined ? {} : { plugin: plugin() }
    const [end] = await emulated<[string[]]>(t, `abort=1,${settings}`.replace(/,$/, ''), body, options)
    t.deepEqual(end.slice(0, 2), ['TwofourError', 'DEVICE_UNAVAILABLE'], settings)
    t.regex(end[2]!, sentence)
  })
  await Promise.all(ends)
})

test('workers, disposal and collection share a device in peace', async (t) => {
  const body = `
    const { Worker } = await import('node:worker_threads')
    const program = \`
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.url).then(async ({ Encoder }) => {
        const encoder = await Encoder.load(workerData.directory, { device: 'cuda', sparsity: 'require' })
        const all = []
        for (let i = 0; i < 3; i++) all.push([...(await encoder.run(workerData.small, { outputs: ['logits'] })).logits])
        if (workerData.dispose) encoder.dispose()
        parentPort.postMessage(all)
      })\`
    const work = (dispose) => new Promise((resolve, reject) => {
      const workerData = { url: ${JSON.stringify(twofourUrl)}, directory, small, dispose }
      new Worker(program, { eval: true, execArgv: [], workerData }).once('message', resolve).once('error', reject)
    })
    const here = await load()
    const inFlight = failure(ask(here, large))
    const queued = failure(ask(here, small))
    here.dispose()
    const results = await Promise.all([work(true), work(false)])
    tell(results.flat().every((one) => near(one, wantedSmall)), [await inFlight, await queued].map((end) => end[1] ?? end))
    // What is left to the collector and to the end of the process.
    await load()
    globalThis.gc?.()
    void ask(await load(), large)`
  const [same, ends] = await emulated<[boolean, string[]]>(t, 'abort=1', body)
  t.true(same)
  for (const end of ends) t.true(['none', 'o', 'ENCODER_DISPOSED'].includes(end), end)
})

test('a weight that float16 cannot hold is refused by name, and bfloat16 takes it', async (t) => {
  const directory = await makeCheckpoint({ seed: 3 })
  const file = join(directory, 'model.safetensors')
  const bytes = readFileSync(file)
  const begin = 8 + Number(bytes.readBigUInt64LE(0))
  const entries = JSON.parse(bytes.subarray(8, begin).toString())
  const offset = (name: string): number => begin + entries[name].data_offsets[0]
  const put = (name: string, element: number, value: number) => {
    const copy = Buffer.from(bytes)
    copy.writeFloatLE(value, offset(name) + 4 * element)
    writeFileSync(file, copy)
  }
  const layer = 'encoder.layer.1'
  const places: [name: string, element: number, value: number, sentence: RegExp | undefined][] = [
    [`${layer}.intermediate.dense.weight`, 3 * 32 + 5, 65_519, undefined],
    [
      `${layer}.intermediate.dense.weight`,
      3 * 32 + 5,
      -70_000,
      /^Row 3 of layers\.1\.ffnIn\.weight holds -70000/,
    ],
    [
      `${layer}.attention.self.value.weight`,
      31 * 32,
      65_520,
      /^Row 31 of layers\.1\.value\.weight holds 65520/,
    ],
    [`${layer}.output.dense.bias`, 7, 1e9, /^Row 7 of layers\.1\.ffnOut\.bias holds 1000000000/],
  ]
  for (const [name, element, value, sentence] of places) {
    put(name, element, value)
    const body = `
      const taken = (dtype) => failure(Encoder.load(${JSON.stringify(directory)}, { device: 'cuda', dtype }))
      tell(await taken('float16'), await taken('bfloat16'))`
    const [half, bfloat] = await emulated<(string | string[])[]>(t, 'abort=1', body)
    t.is(bfloat, 'none')
    if (sentence === undefined) {
      t.is(half, 'none')
    } else {
      t.is(half![1], 'DTYPE_UNAVAILABLE')
      t.regex(half![2]!, sentence)
      t.regex(half![2]!, /float16 ends at 65,504\. Use dtype 'bfloat16'/)
    }
  }
})
