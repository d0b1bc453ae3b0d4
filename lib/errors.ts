/**
 * Every code that twofour may put on an error. Codes are frozen: programs match on them, so one is never
 * renamed or reused. The `SAFETENSORS_*` names are the reference reader's error names in upper snake case.
 */
export const errorCodes = [
  'SAFETENSORS_HEADER_TOO_SMALL',
  'SAFETENSORS_HEADER_TOO_LARGE',
  'SAFETENSORS_INVALID_HEADER_LENGTH',
  'SAFETENSORS_INVALID_HEADER',
  'SAFETENSORS_INVALID_HEADER_DESERIALIZATION',
  'SAFETENSORS_INVALID_OFFSET',
  'SAFETENSORS_VALIDATION_OVERFLOW',
  'SAFETENSORS_MISALIGNED_SLICE',
  'SAFETENSORS_TENSOR_INVALID_INFO',
  'SAFETENSORS_METADATA_INCOMPLETE_BUFFER',
  'SAFETENSORS_DUPLICATE_TENSOR',
  'SAFETENSORS_DUPLICATE_KEY',
  'SAFETENSORS_LIMIT_EXCEEDED',
  'FILE_NOT_FOUND',
  'FILE_UNREADABLE',
  'FILE_CHANGED',
  'FILE_UNWRITABLE',
  'CHECKPOINT_PATH_ESCAPE',
  'CHECKPOINT_INVALID_CONFIG',
  'CHECKPOINT_INVALID_INDEX',
  'CHECKPOINT_UNSUPPORTED',
  'CHECKPOINT_MISMATCH',
  'TOKENIZER_MISSING',
  'TOKENIZER_INVALID',
  'RECIPE_INVALID',
  'PLAN_INVALID',
  'PLAN_WRONG_BASE',
  'PRUNE_NOT_FINITE',
  'PRUNE_SINGULAR',
  'TASK_UNSUPPORTED',
  'DATA_INVALID',
  'DEVICE_UNAVAILABLE',
  'DEVICE_FAILED',
  'CUDA_DEVICE_LOST',
  'CUDA_LIBRARY_FAILED',
  'DTYPE_UNAVAILABLE',
  'SPARSITY_UNAVAILABLE',
  'QUEUE_FULL',
  'ENCODER_DISPOSED',
  'OUT_OF_MEMORY',
  'ADDON_MISSING',
  'BUILD_FAILED',
  'DOWNLOAD_FAILED',
  'DOWNLOAD_MISMATCH',
  'INTERNAL',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/**
 * The world was not as needed: a file, a checkpoint, a device. `code` is stable, `message` names the fix,
 * and `facts` holds what the message was made from. Misuse of the API is a `TypeError` or `RangeError` instead.
 */
export class TwofourError extends Error {
  override readonly name = 'TwofourError'
  readonly code: ErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, facts: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}
