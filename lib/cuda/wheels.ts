/** A library inside of one of NVIDIA's Python wheels, which are zip files. */
export type Wheel = {
  readonly project: string
  readonly version: string
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  /** The shared library's path in the wheel; its last part is what it is stored as. */
  readonly member: string
}

/** NVIDIA's own index. Any copy of it will do: what comes is compared with the hashes below. */
export const nvidiaIndex = 'https://pypi.nvidia.com'

const cublas = {
  project: 'nvidia-cublas',
  version: '13.1.1.3',
  member: 'nvidia/cu13/lib/libcublasLt.so.13',
} as const
const cusparselt = {
  project: 'nvidia-cusparselt-cu13',
  version: '0.8.1',
  member: 'nvidia/cusparselt/lib/libcusparseLt.so.0',
} as const

const byMachine: Readonly<Partial<Record<NodeJS.Architecture, readonly Wheel[]>>> = {
  x64: [
    {
      ...cublas,
      file: 'nvidia_cublas-13.1.1.3-py3-none-manylinux_2_27_x86_64.whl',
      bytes: 423138758,
      sha256: '37936a16db8fe4ac1f065c2139360608a543a09275cb1a1af612e08cfa065436',
    },
    {
      ...cusparselt,
      file: 'nvidia_cusparselt_cu13-0.8.1-py3-none-manylinux2014_x86_64.whl',
      bytes: 170148586,
      sha256: '786ce87568c303fadb5afcc7102d454cd3040d75f6f8626f5db460d1871f4dd0',
    },
  ],
  arm64: [
    {
      ...cublas,
      file: 'nvidia_cublas-13.1.1.3-py3-none-manylinux_2_27_aarch64.whl',
      bytes: 542848918,
      sha256: 'b7a210458267ac818974c53038fbec2e969d5c99f305ab15c72522fa9f001dd5',
    },
    {
      ...cusparselt,
      file: 'nvidia_cusparselt_cu13-0.8.1-py3-none-manylinux2014_aarch64.whl',
      bytes: 221051344,
      sha256: '4dca476c50bf4780d46cd0bfbd82e2bc10a08e4fef7950917ce8d7578d22a23f',
    },
  ],
}

/** What this machine needs; empty where NVIDIA publishes nothing for it. */
export function wheelsFor(machine: NodeJS.Architecture): readonly Wheel[] {
  return byMachine[machine] ?? []
}
