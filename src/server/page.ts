/**
 * The files of the page at `/`, read from disk as they are. Only names that are in the folder and of a known kind: no path
 * from a request ever reaches the file system.
 */
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('./page/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** The file for a path, undefined if there is none. */
export async function pageFile(path: string): Promise<{ readonly type: string; readonly body: Buffer } | undefined> {
  const name = path === '/' ? 'index.html' : path.slice(1)
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
  if (type === undefined || !(await readdir(FOLDER)).includes(name)) return undefined
  return { type, body: await readFile(fileURLToPath(new URL(name, FOLDER))) }
}
