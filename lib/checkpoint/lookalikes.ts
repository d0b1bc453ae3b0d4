type Lookalike = {
  readonly what: string
  readonly fix: string
  readonly matches: (first: Uint8Array) => boolean
}

const useSafetensors =
  'Use the model.safetensors beside it, or save the model with `safe_serialization=True`.'
const download = 'Download the file itself.'

/** What people really put where a safetensors file should be. The first match counts. */
const lookalikes: readonly Lookalike[] = [
  {
    what: 'a git-lfs pointer',
    fix: 'Run `git lfs pull` to fetch the file itself.',
    matches: startsWith('version https://git-lfs'),
  },
  {
    what: 'an HTML page',
    fix: `${download} Was there an error page or a login in between?`,
    matches: isMarkup,
  },
  { what: 'a zip archive (PyTorch .bin or .pt)', fix: useSafetensors, matches: startsWith('PK\x03\x04') },
  { what: 'a Python pickle (PyTorch .bin or .pt)', fix: useSafetensors, matches: isPickle },
  {
    what: 'a GGUF file',
    fix: 'Use the safetensors checkpoint it was made from.',
    matches: startsWith('GGUF'),
  },
  { what: 'a gzip file', fix: 'Unpack it with `gunzip` or `tar -xzf`.', matches: startsWith('\x1f\x8b\x08') },
  { what: 'an HDF5 file (Keras .h5)', fix: useSafetensors, matches: startsWith('\x89HDF') },
  { what: 'JSON', fix: 'Pass the .safetensors file, or its directory.', matches: isJson },
]

/** What a file is that is no safetensors file, by its first bytes; undefined where they say nothing. */
export function findLookalike(first: Uint8Array): Lookalike | undefined {
  // A header's object starts at the ninth byte, so its length may begin with any of these by chance.
  if (first[8] === brace && first[7] === 0) return undefined
  return lookalikes.find(({ matches }) => matches(first))
}

const brace = 0x7b

function startsWith(magic: string): (first: Uint8Array) => boolean {
  return (first) => latin(first).startsWith(magic)
}

function isPickle(first: Uint8Array): boolean {
  return first[0] === 0x80 && first[1] !== undefined && first[1] >= 2 && first[1] <= 5
}

function isMarkup(first: Uint8Array): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml)/i.test(latin(first))
}

function isJson(first: Uint8Array): boolean {
  return /^(?:\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[\s*[\]{["\d-])/.test(latin(first))
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
