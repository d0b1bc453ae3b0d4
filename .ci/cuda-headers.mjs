// npm run cuda:headers: puts the headers of cuBLASLt, cuSPARSELt and cuSPARSE, which a CUDA toolkit need not have,
// into build/cuda-headers/include. They come out of NVIDIA's pinned wheels, which pip checks; nothing else of those,
// half a gigabyte, is kept. They are needed to compile the plugin, never to run it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const wheels = ['nvidia-cublas==13.1.1.3', 'nvidia-cusparselt-cu13==0.8.1', 'nvidia-cusparse==12.6.3.3']
const needed = ['cublasLt.h', 'cusparseLt.h', 'cusparse.h']

const target = join(dirname(dirname(fileURLToPath(import.meta.url))), 'build', 'cuda-headers')
const include = join(target, 'include')
const stamp = join(target, 'wheels.json')
const wanted = JSON.stringify(wheels)

/** What lies under an `include` folder of a wheel, without the folders above it. */
const unpack = `
import pathlib, sys, zipfile
wheel, target = sys.argv[1], pathlib.Path(sys.argv[2])
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        _, found, inner = name.partition('/include/')
        if found and inner.endswith(('.h', '.hpp')) and '..' not in inner:
            file = target / inner
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(name))
`

function fetchHeaders() {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(include, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'twofour-wheels-'))
  try {
    for (const wheel of wheels) {
      const run = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder]
      execFileSync('python3', [...run, wheel], { stdio: 'inherit' })
      const [file] = readdirSync(folder)
      execFileSync('python3', ['-c', unpack, join(folder, file), include], { stdio: 'inherit' })
      rmSync(join(folder, file))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  for (const name of needed) {
    if (!existsSync(join(include, name))) throw new Error(`None of ${wheels.join(', ')} has ${name}.`)
  }
  writeFileSync(stamp, wanted)
}

if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
  console.log(`${include} has the headers of ${wheels.join(', ')} already.`)
} else {
  fetchHeaders()
  console.log(`${include}: headers of ${wheels.join(', ')}`)
}
