#!/usr/bin/env node
import { runCommandLine } from './run.js'
import { stopOnClosedStdout, stopOnSignals } from './signals.js'

const controller = new AbortController()
stopOnSignals(controller)
stopOnClosedStdout(controller)

// Not process.exit: output on its way to a pipe would be cut off.
runCommandLine(process.argv.slice(2), process, controller.signal).then((status) => {
  process.exitCode = status
})
