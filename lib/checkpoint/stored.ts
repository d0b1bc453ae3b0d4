/** What weights may be stored in. */
export const storedDtypes = ['F32', 'F16', 'BF16', 'F64'] as const

/** A tensor where it lies in a file: what a slot points to. */
export type StoredTensor = {
  /** Name in the file. */
  readonly name: string
  readonly file: string
  readonly dtype: (typeof storedDtypes)[number]
  readonly shape: readonly number[]
  /** Absolute offset of the first byte in `file`. */
  readonly begin: number
  readonly end: number
  /** Size of `file` when its header was read. */
  readonly fileSize: number
}
