export type { Progress } from './addon.js'
export type { EncoderSpec, HeadKind, HeadSpec, LayerSpec } from './architecture/spec.js'
export { Calibration, type Overlap } from './calibration/calibration.js'
export type { CalibrationLabels } from './calibration/labels.js'
export type { CalibrationFileOptions, CalibrationOptions } from './calibration/options.js'
export { Checkpoint, type CheckpointOptions } from './checkpoint/checkpoint.js'
export type { IgnoredKey } from './checkpoint/config-keys.js'
export { describeFolder, type FolderReport, type IgnoredFile } from './checkpoint/folder.js'
export type { HeadChoice, UnopenedHead } from './checkpoint/read-head.js'
export { Safetensors, type TensorEntry } from './checkpoint/safetensors.js'
export { saveSafetensors } from './checkpoint/safetensors-write.js'
export type { CheckpointSummary } from './checkpoint/summary.js'
export { type InspectOptions, inspectWeights, type WeightInspection } from './checkpoint/zeros.js'
export {
  type CudaInstallOptions,
  type InstalledLibrary,
  installCudaLibraries,
} from './cuda/install.js'
export { type CudaLibrary, type CudaState, cudaState } from './cuda/state.js'
export { type Device, devices } from './devices.js'
export type { Activation } from './encoder/activation.js'
export type { Sequence } from './encoder/batch.js'
export type { Classification, ClassifyOptions } from './encoder/classify.js'
export type { EncoderDevice } from './encoder/device.js'
export type { EmbeddedTexts, Embeddings, EmbedOptions } from './encoder/embed.js'
export { Encoder } from './encoder/encoder.js'
export type { FilledMask, FillMaskOptions } from './encoder/fill-mask.js'
export type { EncoderOptions } from './encoder/options.js'
export type { OutputName, RunOptions, RunOutputs } from './encoder/run.js'
export type { TextSource, TextStream } from './encoder/text-chunks.js'
export { type Refusal, reportText, type TextReport } from './encoder/text-report.js'
export type { Text } from './encoder/texts.js'
export { type ErrorCode, errorCodes, TwofourError } from './errors.js'
export {
  compareEvaluations,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
} from './evaluation/evaluate.js'
export { type Installation, installation, packageVersion } from './installation.js'
export { type MeasureOptions, measureLatency, timeCheckpoints } from './latency/measure.js'
export type { LatencyOptions } from './latency/options.js'
export type { LatencyTable } from './latency/table.js'
export { type RecipeFlags, recipeFromFlags } from './pruning/flags.js'
export {
  type LayerErrors,
  type LayerErrorsOptions,
  type LinearError,
  layerErrors,
} from './pruning/layer-errors.js'
export { Plan, type PlanSummary } from './pruning/plan.js'
export { type PruneOptions, prune } from './pruning/prune.js'
export { type Recipe, type RecipeStep, readRecipe } from './pruning/recipe.js'
export {
  type HeadRanking,
  type HeadRow,
  type HeadScoring,
  scoreHeads,
} from './pruning/score-heads.js'
export {
  type LinearSensitivity,
  type SensitivityOptions,
  sensitivity,
} from './pruning/sensitivity.js'
export type { FileRead, KeyRead } from './reading.js'
export type { IgnoredRead, PoolingMode, SentenceConfig, Similarity } from './sentence-config.js'
export {
  type CompareRankingsOptions,
  compareRankings,
  type RankingComparison,
} from './study/compare-rankings.js'
export { curve } from './study/curve.js'
export type { CurveMethod, CurveOptions, CurvePoint, Curves, Verdict } from './study/curve-types.js'
export { readCurveMethods } from './study/own-methods.js'
export { type NamedRanking, readRanking } from './study/rankings.js'
export { transferMethods } from './study/transfer.js'
