import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** An include or import that the table of rooms does not allow, as a sentence with file and line. */
export type Violation = string

type Line = { readonly text: string; readonly number: number }

/** Room of native/ → the rooms that it may include, beside itself. */
export const nativeRooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  algebra: ['base'],
  backend: ['base'],
  pruning: ['base', 'algebra'],
  engine: ['base', 'backend'],
  cpu: ['base', 'algebra', 'backend'],
  plain: ['base', 'backend'],
  cuda: ['base', 'backend'],
  emulation: ['base', 'backend', 'cuda', 'plain'],
  node: ['base', 'algebra', 'backend', 'pruning', 'engine', 'cpu', 'plain'],
}

const concreteBackends = ['cpu', 'plain', 'cuda']
const compositionRoot = 'native/node/backends.cc'
/** What kernels include: the build chooses between native/cuda/device and native/emulation/device. */
const deviceHeader = 'device.h'
const nodeHeaders = /^(napi|node_api|js_native_api|node|uv|v8)(_types)?(-inl)?\.h$/
const cudaHeaders = /^(cuda(?!\/)|cublas|cusparse|curand|nv|cub\/|thrust\/|cooperative_groups)/

const ground = ['errors', 'check', 'links', 'json-file', 'reading']
/** Room of lib/ (a folder, or files that begin with the name) → the rooms that it may import, beside itself. */
export const libRooms: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  check: [],
  reading: [],
  links: [],
  'json-file': ['errors', 'check', 'links'],
  abort: [],
  addon: ['errors', 'abort'],
  devices: ['errors', 'addon', 'cuda'],
  installation: ['errors', 'addon'],
  architecture: [],
  'sentence-config': ground,
  onnx: ['architecture', 'sentence-config'],
  checkpoint: [...ground, 'addon', 'architecture', 'sentence-config', 'onnx'],
  latency: [...ground, 'addon', 'architecture', 'checkpoint', 'encoder'],
  pruning: [
    ...[...ground, 'addon', 'architecture', 'checkpoint', 'sentence-config'],
    ...['calibration', 'latency'],
  ],
  cuda: [...ground, 'addon', 'checkpoint'],
  tokenizer: [...ground, 'abort', 'sentence-config'],
  encoder: [
    ...ground,
    'abort',
    'addon',
    'cuda',
    'devices',
    'architecture',
    'checkpoint',
    'sentence-config',
    'tokenizer',
  ],
  evaluation: [...ground, 'addon', 'encoder', 'sentence-config', 'tokenizer'],
  calibration: [
    ...[...ground, 'addon', 'architecture', 'checkpoint'],
    ...['encoder', 'evaluation', 'tokenizer'],
  ],
  study: [...[...ground, 'addon', 'checkpoint'], ...['calibration', 'pruning', 'encoder', 'evaluation']],
  index: [
    ...['errors', 'reading', 'addon', 'cuda', 'devices', 'installation', 'architecture', 'checkpoint'],
    ...['calibration', 'latency', 'pruning', 'encoder', 'evaluation', 'study'],
    ...['reading', 'sentence-config'],
  ],
  bench: ['index'],
  report: ['index'],
  serve: ['index'],
  cli: ['index', 'bench', 'report', 'serve'],
}

/** Every forbidden edge under `root`, which holds native/ and lib/. */
export function violations(root: string): Violation[] {
  const native = filesOf(root, 'native', /\.(cc|h|cu|cuh)$/).flatMap((file) => nativeViolations(root, file))
  const lib = filesOf(root, 'lib', /\.ts$/).flatMap((file) => libViolations(root, file))
  return [...native, ...lib]
}

function filesOf(root: string, folder: string, pattern: RegExp): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => pattern.test(name))
    .map((name) => posix.join(folder, name))
    .sort()
}

function nativeViolations(root: string, file: string): Violation[] {
  const room = file.split('/')[1]!
  const allowed = nativeRooms[room]
  if (allowed === undefined) return [`${file}:1: native/${room} is no room of test/rooms.ts`]
  return linesOf(readFileSync(join(root, file), 'utf8')).flatMap(({ text, number }) => {
    const why = refuseLine(file, room, allowed, text)
    return why === undefined ? [] : [`${file}:${number}: ${why}`]
  })
}

function refuseLine(
  file: string,
  room: string,
  allowed: readonly string[],
  text: string,
): string | undefined {
  if (/^\s*#\s*(if|elif)\w*\b.*CUDA/i.test(text))
    return 'asks the preprocessor for CUDA: without it the plugin is absent'
  const [, open, header] = /^\s*#\s*include\s*([<"])([^>"]+)/.exec(text) ?? []
  if (open === undefined || header === undefined) return undefined
  if (nodeHeaders.test(header) && room !== 'node')
    return `native/${room} includes <${header}>, which native/node alone may`
  if (cudaHeaders.test(header) && room !== 'cuda' && room !== 'emulation')
    return `native/${room} includes <${header}>, which native/cuda alone may`
  if (open === '<') return undefined
  if (header === deviceHeader && (room === 'cuda' || room === 'emulation')) return undefined
  const other = header.split('/')[0]!
  if (!(other in nativeRooms) || header.includes('..')) return `"${header}" does not begin with a room`
  if (other !== room && !allowed.includes(other))
    return `native/${room} includes native/${other} ("${header}")`
  if (
    other !== room &&
    concreteBackends.includes(other) &&
    file !== compositionRoot &&
    room !== 'emulation'
  ) {
    return `"${header}" names a concrete backend, which ${compositionRoot} alone may`
  }
  return undefined
}

function libViolations(root: string, file: string): Violation[] {
  const room = libRoom(file)
  if (room === undefined) return [`${file}:1: is in no room of test/rooms.ts`]
  return importsOf(readFileSync(join(root, file), 'utf8')).flatMap(({ text, number, typeOnly }) => {
    const why = refuseImport(file, room, text, typeOnly)
    return why === undefined ? [] : [`${file}:${number}: ${why}`]
  })
}

function refuseImport(file: string, room: string, target: string, typeOnly: boolean): string | undefined {
  if (!target.startsWith('.')) {
    return target === 'bindings' && room !== 'addon'
      ? `imports 'bindings', which lib/addon.ts alone may`
      : undefined
  }
  const path = posix.join(posix.dirname(file), target)
  if (path === 'binding.js') {
    const may = room === 'addon' || libRooms[room]!.includes('addon')
    return may && typeOnly ? undefined : `imports ${target}, which rooms over lib/addon.ts may, types only`
  }
  const other = libRoom(path)
  if (other === undefined) return `'${target}' is in no room of test/rooms.ts`
  if (other === room || libRooms[room]!.includes(other)) return undefined
  return `lib/${room} imports lib/${other} ('${target}')`
}

/** The room of a path that begins with lib/. */
function libRoom(path: string): string | undefined {
  const [first, name = '', ...deeper] = path.split('/')
  if (first !== 'lib') return undefined
  if (deeper.length > 0) return name in libRooms ? name : undefined
  const stem = name.replace(/\.\w+$/, '')
  return Object.keys(libRooms).find((room) => stem === room || stem.startsWith(`${room}-`))
}

function importsOf(source: string): (Line & { readonly typeOnly: boolean })[] {
  const code = withoutComments(source)
  const pattern =
    /(?:\b(import|export)\s(?:[^'";]*?\sfrom\s*)?|\b(?:import|require)\s*\(\s*)['"]([^'"\n]+)['"]/g
  return [...code.matchAll(pattern)].map((match) => ({
    text: match[2]!,
    number: code.slice(0, match.index + match[0].length).split('\n').length,
    typeOnly: /^(import|export)\s+type\b/.test(match[0]),
  }))
}

/** Comments become blanks, so that places stay; strings stay. */
function withoutComments(source: string): string {
  const tokens = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
  return source.replace(tokens, (token) => (/^\/[/*]/.test(token) ? token.replace(/[^\n]/g, ' ') : token))
}

function linesOf(source: string): Line[] {
  return source.split('\n').map((text, index) => ({ text, number: index + 1 }))
}
