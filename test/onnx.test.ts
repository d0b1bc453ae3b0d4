import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create, fromBinary } from '@bufbuild/protobuf'
import test, { type ExecutionContext } from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { onnxModel } from '../lib/checkpoint/onnx-files.js'
import { writeWeightFile } from '../lib/checkpoint/weight-files.js'
import { modelFiles } from '../lib/onnx/model-file.js'
import type { GraphProto } from '../lib/onnx/onnx_pb.js'
import { GraphProtoSchema, ModelProtoSchema, type TensorProto } from '../lib/onnx/onnx_pb.js'
import { relativeBucket } from '../lib/onnx/position-bias.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { cli, demoModel } from './command-line.js'
import { equalExactly } from './equal.js'
import { type MakeOptions, madeFamilies, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { newDirectory, pruned, savedAndOpened, storedWeights } from './pruned-weights.js'

/** Operators of the standard's own domain, in opset 17, that the graphs may use. */
const operators = new Set([
  ...['Abs', 'Add', 'ArgMax', 'Cast', 'Clip', 'CumSum', 'Div', 'Equal', 'Erf', 'Gather', 'GatherND'],
  ...['LayerNormalization', 'MatMul', 'Max', 'Mul', 'Not', 'Range', 'ReduceL2', 'ReduceMax', 'ReduceSum'],
  ...['Relu', 'Reshape', 'Shape', 'Sigmoid', 'Softmax', 'Sqrt', 'Sub', 'Tanh', 'Transpose', 'Unsqueeze'],
  'Where',
])

async function open(options: MakeOptions, steps: readonly RecipeStep[] = []): Promise<Checkpoint> {
  const checkpoint = await Checkpoint.open(await makeCheckpoint(options))
  return steps.length === 0 ? checkpoint : pruned(checkpoint, steps)
}

async function saved(
  checkpoint: Checkpoint,
): Promise<{ graph: GraphProto; directory: string; bytes: number }> {
  const directory = await newDirectory()
  await checkpoint.save(directory, { form: 'onnx' })
  const bytes = await readFile(join(directory, 'model.onnx'))
  const model = fromBinary(ModelProtoSchema, bytes)
  return { graph: model.graph!, directory, bytes: bytes.length }
}

const bytesOf = ({ dims, dataType }: TensorProto) =>
  dims.reduce((product, size) => product * Number(size), dataType === 7 ? 8 : 4)

function floatsOf({ rawData }: TensorProto): Float32Array {
  return new Float32Array(Uint8Array.from(rawData).buffer)
}

/** Every value is made once, before it is used; tensors hold what their dimensions say. */
function checkStructure(t: ExecutionContext, graph: GraphProto, what: string): void {
  const values = [...graph.input, ...graph.initializer].map(({ name }) => name)
  const known = new Set(values)
  t.is(known.size, values.length, `${what}: names are unique`)
  const used = new Set<string>()
  const nodeNames = new Set<string>()
  for (const { name, opType, input, output } of graph.node) {
    t.true(operators.has(opType), `${what}: ${opType}`)
    for (const value of input) t.true(known.has(value), `${what}: ${name} reads ${value}`)
    for (const value of output) t.false(known.has(value), `${what}: ${value} is made twice`)
    for (const value of input) used.add(value)
    for (const value of output) known.add(value)
    nodeNames.add(name)
  }
  t.is(nodeNames.size, graph.node.length)
  for (const { name } of graph.output) t.true(known.has(name), `${what}: output ${name}`)
  for (const tensor of graph.initializer) {
    t.true(used.has(tensor.name), `${what}: ${tensor.name} is read`)
    t.is(tensor.rawData.length, bytesOf(tensor), `${what}: ${tensor.name}`)
  }
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
}

/** Every weight in the graph is the slot's, of a checkpoint saved as 'removed' or of one without a decision. */
async function checkWeights(t: ExecutionContext, graph: GraphProto, stored: Checkpoint): Promise<void> {
  for (const tensor of graph.initializer) {
    const slot = stored.slots.get(tensor.name)
    if (slot === undefined) continue
    const [rows = 0, columns = 0] = slot.shape
    const weights = await storedWeights(stored, tensor.name)
    const matrix = slot.shape.length === 2 && tensor.name.endsWith('.weight')
    t.deepEqual(tensor.dims.map(Number), matrix ? [columns, rows] : [...slot.shape])
    equalExactly(t, floatsOf(tensor), matrix ? transposed(weights, rows, columns) : weights, tensor.name)
  }
}

const removals: RecipeStep[] = [
  { pattern: 'heads', list: { '0': [0, 2], '1': [1] } },
  { pattern: 'neurons', remove: 13 },
  { pattern: 'unstructured', fraction: 0.7 },
]

test('every family and head becomes a graph of standard operators with the stored weights', async (t) => {
  for (const family of madeFamilies) {
    for (const head of madeHeads) {
      const checkpoint = await open({ family, head })
      const { graph } = await saved(checkpoint)
      checkStructure(t, graph, family + head)
      await checkWeights(t, graph, checkpoint)
      const written = graph.initializer.filter(({ name }) => checkpoint.slots.has(name))
      const shared = checkpoint.spec.head?.kind === 'maskedLanguage' ? 1 : 0
      t.is(written.length, checkpoint.slots.size - shared, `${family}${head}: every slot once`)
    }
  }
})

test('inputs and outputs have the customary names, types and dynamic dimensions', async (t) => {
  const said = (values: GraphProto['input']) =>
    values.map(({ name, type }) => {
      const { elemType, shape } = type!.value.value!
      return [name, elemType, ...shape!.dim.map(({ value }) => value.value)]
    })
  const inputs = (...names: string[]) => names.map((name) => [name, 7, 'batch', 'sequence'])
  const usual = ['input_ids', 'attention_mask']

  const bert = (await saved(await open({ head: 'ForSequenceClassification' }))).graph
  t.deepEqual(said(bert.input), inputs(...usual, 'token_type_ids'))
  t.deepEqual(said(bert.output), [
    ['last_hidden_state', 1, 'batch', 'sequence', 32n],
    ['pooler_output', 1, 'batch', 32n],
    ['logits', 1, 'batch', 3n],
  ])
  const answers = (await saved(await open({ family: 'distilbert', head: 'ForQuestionAnswering' }))).graph
  t.deepEqual(said(answers.input), inputs(...usual))
  t.deepEqual(said(answers.output).slice(1), [
    ['logits', 1, 'batch', 'sequence', 2n],
    ['start_logits', 1, 'batch', 'sequence'],
    ['end_logits', 1, 'batch', 'sequence'],
  ])
  const single = (await saved(await open({ family: 'roberta', config: { type_vocab_size: 1 } }))).graph
  t.deepEqual(said(single.input), inputs(...usual))
})

test('what was removed is not in the file, and what was masked is zeros', async (t) => {
  for (const family of madeFamilies) {
    const checkpoint = await open({ family, groups: family === 'albert' ? 2 : 1 }, removals)
    const { graph } = await saved(checkpoint)
    checkStructure(t, graph, family)
    await checkWeights(t, graph, await savedAndOpened(checkpoint, 'removed'))
    const query = graph.initializer.find(({ name }) => name === 'layers.0.query.weight')!
    t.deepEqual(query.dims, [32n, 16n])
    t.true(floatsOf(query).filter((value) => value === 0).length > 100)
  }
})

test('a layer without heads or neurons leaves no weights of theirs, and a removed layer none at all', async (t) => {
  const steps: RecipeStep[] = [
    { pattern: 'heads', list: { '0': [0, 1, 2, 3] } },
    { pattern: 'neurons', fraction: 1, layers: [1] },
    { pattern: 'layers', list: [2] },
  ]
  const { graph } = await saved(await open({ layers: 3 }, steps))
  checkStructure(t, graph, 'nothing left')
  const names = graph.initializer.map(({ name }) => name)
  t.false(names.some((name) => /^layers\.(0\.(query|key|value)|1\.ffnIn|2)\./.test(name)))
  t.false(names.includes('layers.0.attentionOutput.weight'))
  t.true(names.includes('layers.0.attentionOutput.bias'))
})

test('weights that layers share, and a tied decoder, are in the file once', async (t) => {
  const albert = await open({ family: 'albert', head: 'ForMaskedLM', layers: 8 })
  const { graph, bytes } = await saved(albert)
  const parameters = new Set([...albert.slots.values()])
  const weights = [...parameters].reduce((sum, { begin, end }) => sum + end - begin, 0)
  t.true(bytes < weights + 60_000, `${bytes} bytes for ${weights} of weights`)
  t.is(graph.node.filter(({ opType }) => opType === 'Softmax').length, 8)
  t.false(graph.initializer.some(({ name }) => name === 'head.output.weight'))

  const untied = await saved(await open({ head: 'ForMaskedLM', tied: false }))
  t.true(untied.graph.initializer.some(({ name }) => name === 'head.output.weight'))
})

test('halves and doubles become fp32', async (t) => {
  for (const dtype of ['F16', 'BF16', 'F64'] as const) {
    const { graph } = await saved(await open({ dtype }))
    const gain = graph.initializer.find(({ name }) => name === 'embeddingNorm.weight')!
    t.true(floatsOf(gain).every((value) => value > 0.8 && value < 1.2))
    checkStructure(t, graph, dtype)
  }
})

test('above the limit of protobuf the weights go beside the model, page by page', async (t) => {
  const checkpoint = await open({ head: 'ForSequenceClassification' })
  const directory = await newDirectory()
  const { files } = await onnxModel(checkpoint, 20_000)
  for (const file of files) await writeWeightFile(directory, file, {})
  t.deepEqual(
    files.map(({ name }) => name),
    ['model.onnx', 'model.onnx_data'],
  )

  const graph = fromBinary(ModelProtoSchema, await readFile(join(directory, 'model.onnx'))).graph!
  const data = await readFile(join(directory, 'model.onnx_data'))
  for (const tensor of graph.initializer.filter(({ externalData }) => externalData.length > 0)) {
    const { location, offset, length } = Object.fromEntries(
      tensor.externalData.map(({ key, value }) => [key, value]),
    )
    t.is(location, 'model.onnx_data')
    t.is(tensor.dataLocation, 1)
    t.is(Number(offset) % 4096, 0)
    t.is(Number(length), bytesOf(tensor))
    tensor.rawData = data.subarray(Number(offset), Number(offset) + Number(length))
  }
  checkStructure(t, graph, 'outside')
  await checkWeights(t, graph, checkpoint)
})

test('weights of more than 4 GB are placed beside the model by numbers that stay exact', (t) => {
  const weights = ['a', 'b'].map((name) => ({ name, slot: name, dims: [33_000, 50_001], transposed: false }))
  const [model, data] = modelFiles({ proto: create(GraphProtoSchema), weights })
  const { graph } = fromBinary(ModelProtoSchema, model!.header)
  const offsets = graph!.initializer.map(({ externalData }) => externalData[1]!.value)
  t.deepEqual(offsets, ['0', `${Math.ceil((33_000 * 50_001 * 4) / 4096) * 4096}`])
  t.is(data!.name, 'model.onnx_data')
})

test('distances share buckets by exact logarithms', (t) => {
  const firstDistances = [8, 12, 16, 23, 32, 46, 64, 91]
  for (let distance = -200; distance <= 200; distance++) {
    const away = Math.abs(distance)
    const far = firstDistances.filter((first) => away >= first).length
    const wanted = (distance > 0 ? 16 : 0) + (far === 0 ? away : 7 + far)
    t.is(relativeBucket(distance, 32, 128), wanted, `${distance}`)
  }
})

async function withModules(kinds: readonly string[]): Promise<string> {
  const source = await makeCheckpoint()
  const modules = kinds.map((kind, at) => ({
    type: `sentence_transformers.models.${kind}`,
    path: at === 0 ? '' : `${at}_${kind}`,
  }))
  await writeFile(join(source, 'modules.json'), JSON.stringify(modules))
  await mkdir(join(source, '1_Pooling'))
  await writeFile(join(source, '1_Pooling', 'config.json'), JSON.stringify({ pooling_mode: 'mean' }))
  return source
}

test('files beside the weights come along, and say whether there are sentence vectors', async (t) => {
  const checkpoint = await Checkpoint.open(await withModules(['Transformer', 'Pooling', 'Normalize']))
  const directory = await newDirectory()
  const { files, loadsIn } = await checkpoint.save(directory, { form: 'onnx' })
  t.deepEqual(files, ['1_Pooling/config.json', 'config.json', 'model.onnx', 'modules.json', 'pruning.json'])
  t.is(loadsIn.length, 2)
  t.regex(loadsIn[0]!, /^any ONNX runtime: opset 17/)
  t.like(JSON.parse(await readFile(join(directory, 'pruning.json'), 'utf8')), { form: 'onnx', loadsIn })
  const { graph } = await saved(checkpoint)
  t.is(graph.output.at(-1)!.name, 'sentence_embedding')

  const dense = await Checkpoint.open(await withModules(['Transformer', 'Pooling', 'Dense']))
  const without = await dense.save(await newDirectory(), { form: 'onnx' })
  t.regex(without.loadsIn[2]!, /^without `sentence_embedding`: .*models\.Dense' in '2_Dense'/)
})

test('a graph has no sentence vectors where a prompt would be left out of them', async (t) => {
  const source = await withModules(['Transformer', 'Pooling'])
  await writeFile(join(source, '1_Pooling', 'config.json'), JSON.stringify({ include_prompt: false }))
  const { loadsIn } = await (await Checkpoint.open(source)).save(await newDirectory(), { form: 'onnx' })
  t.regex(loadsIn[2]!, /^without `sentence_embedding`: .*include_prompt is false/)
})

test('the command line writes a graph too', async (t) => {
  const out = join(await newDirectory(), 'graph')
  const words = ['prune', demoModel, '--out', out, '--pattern', 'heads', '--remove', '6', '--form', 'onnx']
  const { status, stdout, stderr } = await cli(words)
  t.is(status, 0, stderr)
  t.regex(stdout, /Loads in:\n- any ONNX runtime/)
  checkStructure(t, fromBinary(ModelProtoSchema, await readFile(join(out, 'model.onnx'))).graph!, 'demo')
})

test('safetensors that replace a graph leave none', async (t) => {
  const checkpoint = await open({})
  const { directory } = await saved(checkpoint)
  await checkpoint.save(directory, { overwrite: true })
  t.deepEqual((await readdir(directory)).sort(), ['config.json', 'model.safetensors', 'pruning.json'])
})

test('a graph is not put beside other weights', async (t) => {
  const checkpoint = await open({})
  await t.throwsAsync(checkpoint.save(checkpoint.directory, { form: 'onnx', overwrite: true }), {
    code: 'FILE_UNWRITABLE',
    message: /without weights for form 'onnx', got one with model\.safetensors/,
  })
  t.deepEqual((await readdir(checkpoint.directory)).sort(), ['config.json', 'model.safetensors'])
})

test('a graph that is stopped half-way leaves nothing', async (t) => {
  const checkpoint = await open({})
  const root = await newDirectory()
  const stop = new AbortController()
  const onProgress = () => stop.abort(new Error('enough'))
  const promise = checkpoint.save(join(root, 'out'), { form: 'onnx', signal: stop.signal, onProgress })
  await t.throwsAsync(promise, { message: 'enough' })
  t.deepEqual(await readdir(root), [])
})
