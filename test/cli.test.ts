import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { comesLater, commandNames } from '../dist/cli/commands.js'
import { failureOf } from '../dist/cli/failure.js'
import { progressBar } from '../dist/cli/progress.js'
import { cli, demoModel, json } from './command-line.js'

type Doctor = {
  addon: { available: boolean }
  devices: { kind: string; available: boolean; reason: string }[]
  problems: { what: string; reason: string; fix: string }[]
}

test('the help names every command, and each command has options and an example', async (t) => {
  const { status, stdout, stderr } = await cli(['--help'])
  t.is(status, 0)
  t.is(stderr, '')
  for (const name of commandNames) {
    t.regex(stdout, new RegExp(`^ {2}${name} `, 'm'))
    const help = await cli([name, '--help'])
    t.is(help.status, 0, name)
    t.regex(help.stdout, new RegExp(`^Usage: twofour ${name}\\b`))
    t.regex(help.stdout, /--device NAME.*--dtype NAME.*--json.*--help.*Example:\n {2}twofour /s)
    t.deepEqual(await cli(['help', name]), help)
  }
})

test('the version is the package’s', async (t) => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  t.like(await cli(['--version']), { status: 0, stdout: `${version}\n` })
})

test('doctor says what is here, and for what is missing why and what to do', async (t) => {
  const found = await json<Doctor>(['doctor'])
  t.true(found.addon.available)
  t.deepEqual(
    found.devices.map(({ kind }) => kind),
    ['cpu', 'cuda'],
  )
  for (const { kind } of found.devices.filter(({ available }) => !available)) {
    const problem = found.problems.find(({ what }) => what === kind)
    t.truthy(problem?.reason)
    t.truthy(problem?.fix)
  }
  t.regex((await cli(['doctor'])).stdout, /^cpu +CPU, .*\n +ISA .*\n +threads \d/m)
  t.is((await json<Doctor>(['doctor', '--device', 'cpu'])).devices.length, 1)
})

test('a bar is drawn after a second on a terminal, and never elsewhere', (t) => {
  const written: string[] = []
  let time = 0
  const stream = (isTTY: boolean) =>
    ({ isTTY, columns: 60, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream
  const progress = { stage: 'write', done: 5, total: 10, unit: 'tensors' }

  const bar = progressBar(stream(true), () => time)
  bar.update(progress)
  t.deepEqual(written, [])
  time = 1500
  bar.update(progress)
  bar.update(progress)
  bar.clear()
  t.is(written.length, 2)
  t.regex(written[0]!, /write \[=+ +\] 5 of 10 tensors$/)
  t.is(written[1], '\r\u001b[K')

  const none = progressBar(stream(false), () => time)
  time = 9000
  none.update(progress)
  none.clear()
  t.is(written.length, 2)
})

test('misuse ends with status 2 and a sentence that names the near miss', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /Expected a command after `twofour`, got none\. There is: doctor, /],
    [['docter'], /Unknown command `docter`\. Did you mean `doctor`\?/],
    [['--json'], /got the option --json/],
    [['prune', 'x', '--otu', 'y'], /Unknown option `--otu`\. Did you mean `--out`\?/],
    [['prune', 'x', '--zzzzzzzz'], /Unknown option `--zzzzzzzz`\. Known: --out, /],
    [['prune', 'x', '-o', 'y'], /Unknown option `-o`/],
    [['prune'], /Expected MODEL after `prune`, got none\. Usage: twofour prune MODEL/],
    [['inspect', 'a', 'b'], /Expected MODEL after `inspect`, got 2: a b/],
    [['doctor', 'now'], /Expected no arguments after `doctor`, got 1: now/],
    [['doctor', '--json=yes'], /Expected --json to stand alone, got the value 'yes'/],
    [['doctor', '--device'], /Expected a value after --device \(NAME\), got none/],
    [['doctor', '--device', '--json'], /got the option --json\. If it is the value, write --device=--json/],
    [['doctor', '--device', 'cpu', '--device', 'cpu'], /Expected --device once, got it twice/],
    [['doctor', '--device', 'gpu'], /Expected --device to be one of auto, cpu, cuda, cuda:N, got 'gpu'/],
    [['doctor', '--dtype', 'fp16'], /Expected --dtype to be auto, float32/],
    [['help', 'docter'], /Did you mean `doctor`/],
  ]
  for (const [words, message] of cases) {
    const { status, stderr } = await cli(words)
    t.is(status, 2, words.join(' '))
    t.regex(stderr, message)
    t.regex(stderr, /\nSee `twofour( \w+)? --help`\.\n$/)
  }
})

test('a command of a later version says so, and what there is', async (t) => {
  for (const name of ['bench', 'tune', 'verify', 'curve', 'heads', 'quantise-study', 'serve']) {
    t.is(commandNames.includes(name), !comesLater(name), name)
    if (!comesLater(name)) continue
    const { status, stdout, stderr } = await cli([name, 'compare', '--x'])
    t.is(status, 2)
    t.is(stdout, '')
    t.regex(stderr, new RegExp(`^\`twofour ${name}\` is not in this version\\. There is: doctor, `))
  }
})

test('with --json a failure is one value on stdout too', async (t) => {
  const failed = await cli(['inspect', '/no/such/model', '--json'])
  t.is(failed.status, 1)
  t.is(JSON.parse(failed.stdout).error.code, 'FILE_NOT_FOUND')
  t.is(`${JSON.parse(failed.stdout).error.message}\n`, failed.stderr)

  const misused = await cli(['inspect', demoModel, '--jsn', '--json'])
  t.is(misused.status, 2)
  t.is(JSON.parse(misused.stdout).error.code, 'MISUSE')
  // What stands behind -- is no option.
  t.is((await cli(['inspect', '--', '--json', 'x'])).stdout, '')
})

test('a device that is not here is refused with the reason', async (t) => {
  for (const words of [
    ['inspect', demoModel],
    ['prune', demoModel, '--out', 'x', '--pattern', '2:4'],
    ['encode', demoModel, 'a text'],
  ]) {
    const { status, stderr } = await cli([...words, '--device', 'cuda:99'])
    t.is(status, 1)
    t.regex(stderr, /^Device 'cuda:99' cannot be used\. .*Use .*auto/)
  }
})

test('what nobody foresaw is our fault, and shows where it happened', (t) => {
  const { status, code, message } = failureOf(new Error('boom'))
  t.is(status, 1)
  t.is(code, 'INTERNAL')
  t.regex(message, /report it: Error: boom\n +at /)
})
