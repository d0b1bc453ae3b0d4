export function studyTables(study: Readonly<Record<string, unknown>>): string
