//! The mirror with one anchor in each vector lane, on threads.

use rayon::prelude::*;

use super::reference::check_seeds;
use crate::blocks::PARALLEL_FROM;
use crate::dispatch::{Level, levels};
use crate::launch::{Launch, LaunchError, refuse};
use crate::random::philox;

/// Anchors that one thread takes at a time.
const TASK: usize = 16 * 1024;

/// Seeds and states as they are, and a word for each.
pub(crate) fn mirror(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (seeds, states) = (launch.slice::<u64>(0)?, launch.slice::<u32>(1)?);
    check_seeds(seeds)?;
    let [seeds_out, states_out, words] = &mut *launch.outputs else { return Err(refuse("outputs are missing")) };
    seeds_out.elements()?.copy_from_slice(seeds);
    states_out.elements()?.copy_from_slice(states);
    let words = words.elements::<u32>()?;
    if words.len() < PARALLEL_FROM / 8 {
        draw(level, seeds, states, 0, words);
    } else {
        let tasks = seeds.par_chunks(TASK).zip(states.par_chunks(TASK)).zip(words.par_chunks_mut(TASK)).enumerate();
        tasks.for_each(|(task, ((seeds, states), words))| draw(level, seeds, states, task * TASK, words));
    }
    Ok(())
}

levels! {
    /// The words of the anchors from index `first` on.
    fn draw [](seeds: &[u64], states: &[u32], first: usize, words: &mut [u32]) {
        for (place, ((word, &seed), &state)) in words.iter_mut().zip(seeds).zip(states).enumerate() {
            *word = philox([seed as u32, (seed >> 32) as u32], [state, (first + place) as u32, 0, 0])[0];
        }
    }
}
