import { MicError } from '@mic/domain';
import { compileFields, encodeRowStrict, layoutOf, type FeatureSchema, type RawRow } from '@mic/features';

/** Puts fields that a request gives of its user in the places of those that are stored. */
export class UserFields {
  readonly #encoders: ReturnType<typeof compileFields>;
  readonly #places: ReadonlyMap<string, { readonly offset: number; readonly width: number }>;
  readonly #width: number;

  constructor({ userFields }: Pick<FeatureSchema, 'userFields'>) {
    this.#encoders = compileFields(userFields);
    const { places, width } = layoutOf(userFields);
    this.#places = new Map(places.map((place) => [place.name, place]));
    this.#width = width;
  }

  /**
   * The profile as the user tower takes it.
   *
   * @param stored null: every field is missing.
   * @throws MicError INVALID_ARGUMENT for a field that the release does not have.
   */
  over(stored: Int32Array | null, given: RawRow): Int32Array {
    const encoded = new Int32Array(this.#width);
    try {
      encodeRowStrict(this.#encoders, given, encoded, 0);
    } catch (error) {
      if (!(error instanceof MicError)) throw error;
      const subject = `user_fields[${JSON.stringify(error.subject)}]`;
      throw new MicError(error.code, `user_fields: ${error.message}`, { subject, remedy: error.remedy });
    }
    const profile = stored?.slice() ?? new Int32Array(this.#width);
    for (const name of Object.keys(given)) {
      const { offset, width } = this.#places.get(name)!;
      profile.set(encoded.subarray(offset, offset + width), offset);
    }
    return profile;
  }
}
