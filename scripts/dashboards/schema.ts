/**
 * The JSON of a Grafana dashboard, as far as ours goes. The types are Grafana's own, generated from its schema and taken from
 * @grafana/grafana-foundation-sdk; only the types, because its builders set no panel ids and let panels overflow the grid. A
 * panel is held to the options of its kind, which Grafana's `Panel` leaves open, and test/grafana/schema.test.ts has the
 * compiler check the files against this once more.
 */
import type * as grafana from '@grafana/grafana-foundation-sdk/dashboard'
import type * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import type * as stat from '@grafana/grafana-foundation-sdk/stat'
import type * as timeline from '@grafana/grafana-foundation-sdk/statetimeline'
import type * as table from '@grafana/grafana-foundation-sdk/table'
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

/** A type as it stands in JSON: the members of an enum are their values. */
export type Json<T> = 0 extends 1 & T // `any` stays what it is
  ? T
  : T extends string
    ? `${T}`
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T

/** What is different from kind to kind. */
interface Kinds {
  stat: { options: stat.Options; custom: Record<never, never> }
  timeseries: { options: timeseries.Options; custom: timeseries.FieldConfig }
  table: { options: table.Options; custom: table.FieldConfig }
  heatmap: { options: heatmap.Options; custom: heatmap.FieldConfig }
  'state-timeline': { options: timeline.Options; custom: timeline.FieldConfig }
}
export type Kind = keyof Kinds

export type Query = Json<Omit<prometheus.Dataquery, '_implementsDataqueryVariant'>>
export type FieldConfig<K extends Kind> = Omit<Json<grafana.FieldConfig>, 'custom'> & {
  readonly custom?: Partial<Json<Kinds[K]['custom']>>
}
export type Overrides = Json<grafana.FieldConfigSource>['overrides']
export type Threshold = Json<grafana.Threshold>
export type Mapping = Json<grafana.ValueMapping>
export type Variable = Json<grafana.VariableModel>
export type Transformation = Json<grafana.DataTransformerConfig>
export type Annotation = Omit<Json<grafana.AnnotationQuery>, 'target'> & { readonly target?: Query }
export type Position = Json<grafana.GridPos>
export type Options<K extends Kind> = Json<Kinds[K]['options']>

/** A panel without its place: that is the dashboard's to give. */
export type Drawing<K extends Kind> = Omit<
  Json<grafana.Panel>,
  'type' | 'options' | 'targets' | 'fieldConfig' | 'id' | 'gridPos'
> & {
  readonly type: K
  readonly title: string
  readonly description: string
  readonly options: Options<K>
  readonly targets: Query[]
  readonly fieldConfig: { readonly defaults: FieldConfig<K>; readonly overrides: Overrides }
}
/** Of any kind: each with the options of its own. */
export type AnyDrawing = { [K in Kind]: Drawing<K> }[Kind]
export type Panel = AnyDrawing & { readonly id: number; readonly gridPos: Position }
export type Row = Json<grafana.RowPanel>

export type Dashboard = Omit<Json<grafana.Dashboard>, 'panels' | 'annotations'> & {
  readonly panels: (Panel | Row)[]
  readonly annotations: { readonly list: Annotation[] }
}
