import type { Pattern } from './pattern.js'
import { heads } from './patterns/heads.js'
import { layers } from './patterns/layers.js'
import { neurons } from './patterns/neurons.js'
import { nm } from './patterns/nm.js'
import { structure } from './patterns/structure.js'
import { unstructured } from './patterns/unstructured.js'

/** Every pattern there is. */
export const patterns: readonly Pattern[] = [unstructured, nm, heads, neurons, layers, structure]
