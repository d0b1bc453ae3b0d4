import type { Activation } from './spec.js'

/** What configs call the activations. The tanh forms of gelu are one formula, written differently. */
export const activationNames: ReadonlyMap<string, Activation> = new Map([
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['gelu_new', 'geluTanh'],
  ['gelu_fast', 'geluTanh'],
  ['gelu_pytorch_tanh', 'geluTanh'],
  ['gelu_python_tanh', 'geluTanh'],
  ['gelu_accurate', 'geluTanh'],
  ['relu', 'relu'],
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['quick_gelu', 'quickGelu'],
  ['tanh', 'tanh'],
])
