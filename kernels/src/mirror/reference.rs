//! The mirror one anchor at a time.

use crate::launch::{Launch, LaunchError, refuse};
use crate::random::philox;

/// Seeds and states as they are, and a word for each.
pub(crate) fn mirror(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (seeds, states) = (launch.slice::<u64>(0)?, launch.slice::<u32>(1)?);
    check_seeds(seeds)?;
    let [seeds_out, states_out, words] = &mut *launch.outputs else { return Err(refuse("outputs are missing")) };
    seeds_out.elements()?.copy_from_slice(seeds);
    states_out.elements()?.copy_from_slice(states);
    for (index, word) in words.elements()?.iter_mut().enumerate() {
        let key = [seeds[index] as u32, (seeds[index] >> 32) as u32];
        *word = philox(key, [states[index], index as u32, 0, 0])[0];
    }
    Ok(())
}

/// Refuses the first seed that is 0: an anchor that was never set.
pub(super) fn check_seeds(seeds: &[u64]) -> Result<(), LaunchError> {
    match seeds.iter().position(|&seed| seed == 0) {
        None => Ok(()),
        Some(place) => Err(LaunchError::Data {
            element: place as u64,
            message: format!("input `seeds`: element {place} is 0, which is no seed of an anchor"),
        }),
    }
}
