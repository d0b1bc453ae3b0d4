import { readFileSync } from 'node:fs'

/** What a shared object asks of the system that loads it. */
export type Needs = {
  /** Libraries, as `libc.so.6`. */
  readonly libraries: readonly string[]
  /** Versions of symbols by library, as `libc.so.6` → `GLIBC_2.17`. */
  readonly versions: readonly { readonly library: string; readonly version: string }[]
  /** Symbols that somebody else has to define. */
  readonly undefinedSymbols: readonly string[]
}

type Section = { type: number; offset: number; size: number; link: number }

const dynamicSection = 6
const dynamicSymbols = 11
const neededVersions = 0x6ffffffe
const neededTag = 1n

/** Reads a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5; LSB core, symbol versioning). */
export function needsOf(file: string): Needs {
  const elf = readFileSync(file)
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error(`${file}: no 64-bit ELF file`)
  const sections = sectionsOf(elf)
  const ofType = (type: number) => sections.filter((section) => section.type === type)
  const textOf =
    ({ link }: Section) =>
    (at: number) =>
      textAt(elf, sections[link]!.offset + at)
  return {
    libraries: ofType(dynamicSection).flatMap((section) => librariesIn(elf, section, textOf(section))),
    versions: ofType(neededVersions).flatMap((section) => versionsIn(elf, section, textOf(section))),
    undefinedSymbols: ofType(dynamicSymbols).flatMap((section) => undefinedIn(elf, section, textOf(section))),
  }
}

function sectionsOf(elf: Buffer): Section[] {
  const [begin, size, count] = [Number(elf.readBigUInt64LE(40)), elf.readUInt16LE(58), elf.readUInt16LE(60)]
  return Array.from({ length: count }, (_, i) => {
    const at = begin + i * size
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
    }
  })
}

function librariesIn(elf: Buffer, { offset, size }: Section, text: (at: number) => string): string[] {
  const names: string[] = []
  for (let at = offset; at < offset + size; at += 16) {
    if (elf.readBigInt64LE(at) === neededTag) names.push(text(Number(elf.readBigUInt64LE(at + 8))))
  }
  return names
}

/** A chain of libraries, each with a chain of versions; every link is a distance, 0 at the end. */
function versionsIn(
  elf: Buffer,
  { offset }: Section,
  text: (at: number) => string,
): Needs['versions'][number][] {
  const found: Needs['versions'][number][] = []
  for (let entry = offset, next = -1; next !== 0; entry += next) {
    const library = text(elf.readUInt32LE(entry + 4))
    for (let version = entry + elf.readUInt32LE(entry + 8), further = -1; further !== 0; version += further) {
      found.push({ library, version: text(elf.readUInt32LE(version + 8)) })
      further = elf.readUInt32LE(version + 12)
    }
    next = elf.readUInt32LE(entry + 12)
  }
  return found
}

function undefinedIn(elf: Buffer, { offset, size }: Section, text: (at: number) => string): string[] {
  const names: string[] = []
  for (let at = offset + 24; at < offset + size; at += 24) {
    if (elf.readUInt16LE(at + 6) === 0) names.push(text(elf.readUInt32LE(at)))
  }
  return names
}

function textAt(bytes: Buffer, begin: number): string {
  return bytes.toString('latin1', begin, bytes.indexOf(0, begin))
}
