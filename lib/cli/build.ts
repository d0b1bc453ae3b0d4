import { installation } from '../index.js'
import type { Command } from './command.js'
import { compileAddon } from './compile.js'
import { deviceKind, dtypeOption } from './devices.js'

export const build: Command = {
  name: 'build',
  summary: 'compiles the native addon for this machine',
  usage: 'build [--json]',
  example: 'twofour build',
  options: {},
  notes:
    'Needs CMake 3.19, a C++20 compiler, and npm to fetch the header files of Node where they are not installed.',
  async run({ options, output, signal }) {
    deviceKind(options.text('device'))
    dtypeOption(options.text('dtype'))
    const { root } = installation()

    const { file, seconds } = await compileAddon({ root, signal, onLine: (line) => output.note(line) })

    await output.result({ file, seconds }, () => `${file}: compiled in ${seconds.toFixed(0)} s`)
  },
}
