// `twofour build` in an installed package: what it says where it cannot, and that its binary works where it can.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { check, expect, pathOf, run } from './tally.mjs'

/** `folder` has the package installed; `bare` is an environment without a compiler. */
export function checkBuild(folder, model, bare) {
  const installed = join(folder, 'node_modules', 'twofour')
  const binary = join(installed, 'build', 'Release', 'twofour.node')
  const twofour = (words, options) =>
    run(process.execPath, [join(folder, 'node_modules', '.bin', 'twofour'), ...words], {
      ...{ cwd: folder, seconds: 420 },
      ...options,
    })
  const refusal = (env) => JSON.parse(twofour(['build', '--json'], { env, status: 1 }).stdout).error
  const encode = ['encode', model, '--ids', join(model, 'ids.json'), '--out', 'encoded.safetensors']
  rmSync(binary)

  check('without its binary the package says how to get one', () => {
    const { stderr } = twofour(encode, { status: 1 })
    expect(/npx twofour build/.test(stderr), stderr)
  })
  check('twofour build says that there is no CMake', () => {
    const { code, message } = refusal(bare)
    expect(code === 'BUILD_FAILED' && /no cmake on PATH/.test(message), message)
  })
  check('twofour build says that there is no compiler', () => {
    const programs = ['node', 'npm', 'sh', 'env', 'uname', 'cmake', 'make']
    const { code, message } = refusal({
      ...bare,
      CXX: '',
      PATH: pathOf(join(dirname(folder), 'no-compiler'), programs),
    })
    expect(code === 'BUILD_FAILED' && /no working C\+\+ compiler/.test(message), message)
  })
  check('twofour build shows why sources do not compile, and leaves no binary', () => {
    const source = join(installed, 'native', 'node', 'backends.cc')
    const text = readFileSync(source)
    writeFileSync(source, '#error planted\n')
    const { code, message } = refusal(process.env)
    writeFileSync(source, text)
    expect(code === 'BUILD_FAILED' && /planted/.test(message), message)
    expect(!existsSync(binary), 'a binary was left')
  })
  check('twofour build compiles the addon where it is looked for, and it works', () => {
    const { stdout } = twofour(['build', '--json'])
    expect(JSON.parse(stdout).file === binary, stdout)
    twofour(encode, { env: bare })
  })
}
