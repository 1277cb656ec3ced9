/** The encoded fields of all users and items. */
export interface EncodedFields {
  /** U x profileWidth. */
  readonly profiles: Int32Array;
  readonly profileWidth: number;
  /** I x itemFieldsWidth. */
  readonly itemFields: Int32Array;
  readonly itemFieldsWidth: number;
}
