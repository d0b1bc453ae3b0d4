export function writeBetween(name: string, mark: string, text: string): void
