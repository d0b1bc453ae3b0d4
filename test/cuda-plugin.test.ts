/**
 * How the addon finds a CUDA plugin, and what devices, encoders and doctor make of what it says: with no plugin, with
 * files that are none, and with a plugin of this test's own that names cards which are not here.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { cudaState, devices, Encoder, type EncoderOptions } from 'twofour'
import { runChild } from './child.js'
import { json, twofour } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const folder = temporaryDirectory('plugins')
const model = makeCheckpoint({ hidden: 16, heads: 2, inner: 32, layers: 1, vocab: 40, seed: 5 })
const load = async (options: EncoderOptions) => Encoder.load(await model, options)

function compile(version: number): string {
  const file = join(folder, `version-${version}.so`)
  const native = join(import.meta.dirname, '..', 'native')
  const options = ['-std=c++20', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', `-DVERSION=${version}`]
  // Not the sanitizer that this process may have been started with.
  const env = { ...process.env, LD_PRELOAD: '' }
  execFileSync('g++', [...options, `-I${native}`, join(import.meta.dirname, 'fake-plugin.cc'), '-o', file], {
    env,
  })
  return file
}
const plugin = compile(2)

/** With the packaged plugin where there is one, whose driver sees no card even where one is. */
async function withoutDevices(body: () => Promise<void>): Promise<void> {
  process.env.CUDA_VISIBLE_DEVICES = ''
  try {
    await body()
  } finally {
    delete process.env.CUDA_VISIBLE_DEVICES
  }
}

type Doctor = {
  cuda: { libraries: { name: string; from: string; path: string }[] } | null
  devices: { name: string; available: boolean }[]
  problems: { what: string; reason: string; fix: string }[]
}

async function withPlugin<T>(file: string, state: string, body: () => T | Promise<T>): Promise<T> {
  process.env.TWOFOUR_CUDA_PLUGIN = file
  process.env.TWOFOUR_FAKE = state
  try {
    return await body()
  } finally {
    delete process.env.TWOFOUR_CUDA_PLUGIN
    delete process.env.TWOFOUR_FAKE
  }
}

test.serial('a device is listed with what limits it, and one that is too old with the reason', async (t) => {
  const [cpu, old, good, ...more] = await withPlugin(plugin, 'two cards', devices)
  t.is(cpu!.kind, 'cpu')
  t.like(old, { kind: 'cuda', index: 0, available: false, code: 'CUDA_DEVICE_TOO_OLD', emulated: false })
  t.is(old!.reason, 'Old card is too old a card.')
  t.like(good, {
    index: 1,
    available: true,
    name: 'Good card',
    computeCapability: '9.0',
    memoryBytes: 2 ** 30,
  })
  t.is(good!.reason, 'Compute capability 9.0. Dense only: cuSPARSELt 0.7.1 is too old.')
  t.deepEqual(more, [])
})

test.serial('auto takes the first device that can be used, and what it throws comes through', async (t) => {
  await withPlugin(plugin, 'two cards', async () => {
    await t.throwsAsync(load({}), { code: 'OUT_OF_MEMORY', message: 'The card is full.' })
    await t.throwsAsync(load({ device: 'cuda:1' }), { code: 'OUT_OF_MEMORY' })
    await t.throwsAsync(load({ device: 'cuda' }), { code: 'OUT_OF_MEMORY' })
    t.is((await load({ device: 'cpu' })).device.kind, 'cpu')
  })
})

test.serial('an emulated device says so, and is taken only by name', async (t) => {
  await withPlugin(plugin, 'emulated', async () => {
    const good = devices()[2]!
    t.like(good, { available: true, emulated: true, name: 'Good card, emulated' })
    t.deepEqual(
      cudaState().libraries.map(({ path, from }) => [path, from]),
      [
        ['libcublasLt.so.13', 'emulation'],
        ['libcusparseLt.so.0', 'emulation'],
      ],
    )
    const { device } = await load({ device: 'auto' })
    t.is(device.kind, 'cpu')
    t.regex(device.reason, /emulated.*by name/)
    await t.throwsAsync(load({ device: 'cuda:1' }), { code: 'OUT_OF_MEMORY' })
  })
})

test.serial('doctor says which libraries were found, and by which rule', async (t) => {
  await withPlugin(plugin, 'two cards', async () => {
    process.env.TWOFOUR_CUDA_LIB_DIR = folder
    writeFileSync(join(folder, 'libcublasLt.so.13'), '')
    try {
      const { cuda, problems } = await json<Doctor>(['doctor'])
      const [dense, sparse] = cuda!.libraries
      t.like(dense, {
        name: 'cuBLASLt',
        from: 'TWOFOUR_CUDA_LIB_DIR',
        path: join(folder, 'libcublasLt.so.13'),
      })
      t.like(sparse, { name: 'cuSPARSELt', from: 'ld.so', path: 'libcusparseLt.so.0' })
      t.deepEqual(
        problems.map(({ what }) => what),
        ['Old card', 'cuSPARSELt'],
      )
      const { stdout } = await twofour(['doctor'])
      t.regex(
        stdout,
        /^cuda plugin +.*version-2\.so\n +CUDA 13\.0, needs driver 580 or newer; .* CUDA 13\.1$/m,
      )
      t.regex(stdout, /^cuBLASLt +13\.1\.1, .*libcublasLt\.so\.13 \(TWOFOUR_CUDA_LIB_DIR\)$/m)
      t.regex(stdout, /^- cuSPARSELt: .*too old.*npx twofour cuda install/m)
    } finally {
      delete process.env.TWOFOUR_CUDA_LIB_DIR
    }
  })
})

test.serial('a device without cuBLASLt cannot be used', async (t) => {
  await withPlugin(plugin, 'without cuBLASLt', async () => {
    t.like(devices()[2], {
      available: false,
      code: 'CUDA_LIBRARY_MISSING',
      reason: 'cuBLASLt was not found.',
    })
    const { device } = await load({ device: 'auto' })
    t.is(device.kind, 'cpu')
    await t.throwsAsync(load({ device: 'cuda:1' }), {
      code: 'DEVICE_UNAVAILABLE',
      message: /^Device 'cuda:1' cannot be used\. cuBLASLt was not found\. Use device 'auto' or 'cpu'\.$/,
    })
  })
})

test.serial('cuda is refused with the reason of the device that was meant', async (t) => {
  await withPlugin(plugin, 'two cards', async () => {
    await t.throwsAsync(load({ device: 'cuda:0' }), {
      code: 'DEVICE_UNAVAILABLE',
      message: /Old card is too old/,
    })
    await t.throwsAsync(load({ device: 'cuda:7' }), { message: /The CUDA devices here are 0, 1\./ })
  })
})

test.serial('what a plugin cannot say is an error with its code', async (t) => {
  await withPlugin(plugin, 'broken', () => {
    t.throws(devices, { code: 'INTERNAL', message: 'The report broke.' })
  })
})

const noPlugins: Record<string, [file: () => string, code: string, sentence: RegExp]> = {
  'is not there': [
    () => join(folder, 'none.so'),
    'CUDA_PLUGIN_MISSING',
    /names .*none\.so, which is not there/,
  ],
  'is no library': [() => import.meta.filename, 'CUDA_PLUGIN_REFUSED', /cannot be used: /],
  'is a library of something else': [
    () => join(import.meta.dirname, '..', 'build', 'Release', 'twofour.node'),
    'CUDA_PLUGIN_REFUSED',
    /has no twofour_cuda_plugin/,
  ],
  'belongs to another version': [() => compile(1), 'CUDA_PLUGIN_REFUSED', /belongs to another version/],
}
for (const [what, [file, code, sentence]] of Object.entries(noPlugins)) {
  test.serial(`a plugin that ${what} is a sentence, and models run on the CPU`, async (t) => {
    await withPlugin(file(), 'two cards', async () => {
      const state = cudaState({ always: true })
      t.is(state.code, code)
      t.regex(state.reason, sentence)
      t.deepEqual([state.devices, state.libraries], [[], []])
      t.like(devices()[1], { kind: 'cuda', available: false, code, reason: state.reason })
      const { device } = await load({})
      t.like(device, { kind: 'cpu', reason: state.reason })
      await t.throwsAsync(load({ device: 'cuda' }), { code: 'DEVICE_UNAVAILABLE', message: sentence })
      t.is(
        (await json<Doctor>(['doctor'])).problems.find(({ what: about }) => about === 'cuda')!.reason,
        state.reason,
      )
    })
  })
}

test.serial(
  'without a device auto runs on the CPU and cuda is refused, with the reason, and no library is opened',
  async (t) => {
    const program = `
    const { readFileSync } = await import('node:fs')
    const model = process.argv[1]
    const { device } = await Encoder.load(model, { device: 'auto' })
    const refused = await Encoder.load(model, { device: 'cuda' }).catch(({ code, message }) => ({ code, message }))
    const maps = readFileSync('/proc/self/maps', 'utf8')
    const opened = ['libcublasLt', 'libcusparseLt'].filter((name) => maps.includes(name))
    console.log(JSON.stringify({ device, refused, opened }))`
    await withoutDevices(async () => {
      const { stdout, stderr, code } = await runChild(program, [await model])
      t.deepEqual([stderr, code], ['', 0])
      const { device, refused, opened } = JSON.parse(stdout)
      t.is(device.kind, 'cpu')
      t.true(device.reason.length > 20)
      t.is(refused.code, 'DEVICE_UNAVAILABLE')
      t.true(refused.message.includes(device.reason), refused.message)
      t.deepEqual(opened, [])
    })
  },
)

test.serial('on the CPU the plugin is not opened, and on auto nothing but the plugin', async (t) => {
  const program = `
    const { readFileSync } = await import('node:fs')
    const encoder = await Encoder.load(process.argv[1], { device: process.argv[2] })
    const maps = readFileSync('/proc/self/maps', 'utf8')
    console.log(JSON.stringify(['cublas', 'cusparse', 'version-2'].filter((name) => maps.includes(name))))
    encoder.dispose()`
  const expected = { cpu: [], auto: ['version-2'] }
  await withPlugin(plugin, 'emulated', async () => {
    for (const [device, opened] of Object.entries(expected)) {
      const { stdout, stderr } = await runChild(program, [await model, device])
      t.is(stderr, '')
      t.deepEqual(JSON.parse(stdout), opened, device)
    }
  })
})
