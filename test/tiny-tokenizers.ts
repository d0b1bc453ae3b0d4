import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'

/** Writes each value as a file of `dir`: strings as they are, the rest as JSON. */
export async function put(dir: string, files: Record<string, unknown>): Promise<string> {
  for (const [name, value] of Object.entries(files)) {
    await writeFile(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value))
  }
  return dir
}

/** A vocab.txt of 21 tokens; [MASK] and [PAD] stand where BERT has them not. */
export const vocabTxt = `${[
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', 'Cat', 'sat', '##s', '##ting', '.', ','],
  ...['cafe', 'café', '中', '𠀀', 'σας', 'σασ', '!', 'mat'],
].join('\n')}\n`

/** BERT in small: the tokenizer.json of `vocabTxt`. */
export function bertJson(): Record<string, unknown> {
  const vocab = Object.fromEntries(
    vocabTxt
      .trimEnd()
      .split('\n')
      .map((token, id) => [token, id]),
  )
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
  const single = [special('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]', 0)]
  return {
    ...{ version: '1.0', truncation: null, padding: null },
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((content) => ({
      ...{ id: vocab[content], content, special: true, normalized: false },
      ...{ single_word: false, lstrip: false, rstrip: false },
    })),
    normalizer: {
      ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true },
      ...{ strip_accents: null, lowercase: true },
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, { Sequence: { id: 'B', type_id: 1 } }, special('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##' },
      ...{ max_input_chars_per_word: 100, vocab },
    },
  }
}

/** RoBERTa in small: byte letters, a few merges, `<s> A </s></s> B </s>`, a mask that takes the blank before it. */
export function byteLevelJson(addPrefixSpace = false): Record<string, unknown> {
  const merges = ['Ġ t', 'h e', 'Ġt he', 'c a', 'ca t', 'Ġ cat', 'a t', 'Ġ s', 'Ġs at', 'Ã ©']
  const words = [
    '<s>',
    '<pad>',
    '</s>',
    '<unk>',
    ...byteLetters(),
    ...merges.map((pair) => pair.replace(' ', '')),
  ]
  const vocab = Object.fromEntries([...words, '<mask>'].map((token, id) => [token, id]))
  const special = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'].map((content) => ({
    ...{ id: vocab[content], content, special: true, normalized: false },
    ...{ single_word: false, lstrip: content === '<mask>', rstrip: false },
  }))
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: addPrefixSpace,
    trim_offsets: true,
    use_regex: true,
  }
  return {
    ...{ version: '1.0', truncation: null, padding: null, added_tokens: special, normalizer: null },
    pre_tokenizer: byteLevel,
    post_processor: {
      ...{ type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0] },
      ...{ trim_offsets: true, add_prefix_space: addPrefixSpace },
    },
    decoder: byteLevel,
    model: {
      ...{
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
      },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges },
    },
  }
}

/** XLM-RoBERTa in small: SentencePiece's normaliser with rules for `ﬁ Ａ ² é` and two blanks, `▁`, scored pieces. */
export function unigramJson(): Record<string, unknown> {
  const names = ['<s>', '<pad>', '</s>', '<unk>']
  const pieces: [string, number][] = [
    ...([...names.map((name) => [name, 0])] as [string, number][]),
    ...([
      ['▁', -2],
      ['▁the', -3],
      ['▁cat', -4],
      ['s', -5],
      ['▁sat', -4.5],
      ['fi', -5],
      ['▁fi', -4],
    ] as [string, number][]),
    ...([
      ['sh', -5],
      ['A', -6],
      ['2', -6],
      ['é', -6],
      ['.', -4],
      ['a', -7],
      ['t', -7],
      ['c', -7],
    ] as [string, number][]),
  ]
  const mask = pieces.length
  const special = [...names.map((content, id) => [content, id] as const), ['<mask>', mask] as const]
  const token = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
  const text = (id: string): object => ({ Sequence: { id, type_id: 0 } })
  return {
    ...{ version: '1.0', truncation: null, padding: null },
    added_tokens: special.map(([content, id]) => ({
      ...{
        id,
        content,
        special: true,
        normalized: false,
        single_word: false,
        lstrip: content === '<mask>',
        rstrip: false,
      },
    })),
    normalizer: { type: 'Precompiled', precompiled_charsmap: charsmap },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('<s>'), text('A'), token('</s>')],
      pair: [token('<s>'), text('A'), token('</s>'), token('</s>'), text('B'), token('</s>')],
      special_tokens: Object.fromEntries(
        [['<s>', 0] as const, ['</s>', 2] as const].map(([id, ids]) => [
          id,
          { id, ids: [ids], tokens: [id] },
        ]),
      ),
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: 3, vocab: pieces, byte_fallback: false },
  }
}

/** The letters that stand for bytes: printable Latin-1 ones for themselves, the others from U+0100 on. */
function byteLetters(): string[] {
  const plain = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(plain(byte) ? byte : next++))
}

// Made with SentencePiece from the rules: ﬁ → fi, Ａ → A, U+3000 → blank, e + U+0301 → é, U+200B → nothing, ² → 2.
const charsmap = inflateSync(
  Buffer.from(
    [
      'eNod0wXMllUUAODL/8NgbGwOaUYpDdINKt2N0p0iCAIqDR8CG+ynuxsG8tPdnYKolJR0SIlKp8/Hu/vsnN337t7tnnNDwhDC',
      'uAShQ5nYcCzEhCEZQkgaQmRtshBixcgHMSEuUYh+kUjCmBDxP4E8Pom15hPL54tG5EOLkpOSFKQmFWlJQ3rSYYuwfXVMyCRm',
      'JAuZ+ZiPyEZWcpCdXOQkD7n5hLzkJx8FKUBhClGUIhSnGCUpQWlK8Sll+JzPKEdZKlCeSlSkCpWpRlVqUJ1a1KQOtalHXRpQ',
      'ny/5gkY0pAmNaUZTWtCcVrSkDa1pR1s60J5OdKQzX9GFr/mGrnSnGz34ll705Hu+ozc/0Jc+9KcfAxnAYAYxJFpchvIjwxnG',
      'Nb1x3UWOlI8gjr+XhjBaHMVYxjA+2kJMZAKTmcRUpjCdacxkBrOZxVzmMJ95LGQBi1nEXkVYIi7DsWE5P7GCeFaxkjWsZh1r',
      '2cB6NrGRLWxmG1vZEe0/drGTPexmX/RMDrCfQxzkCIf5maMc5xgn+IXf+JWT/M5pTnGWM5zjDy5wnktc5DJ/cpUrXI/eOTe5',
      'wW1u8Rd3uMddHnA/Wgse8g+P+I9/ecJjnvGUFzznFS95w2ve8Ta8f3yFPIKOncO+ZeF/vriQCQ==',
    ].join(''),
    'base64',
  ),
).toString('base64')
