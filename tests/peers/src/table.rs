use crate::ratio::{Ratio, median};
use crate::rounds::{Measured, Times};

/// How much longer Circuits may take than the bare call.
const ALLOWED: f64 = 1.05;

/// Prints what was measured, and what that says of Circuits.
pub(crate) fn print(measured: &[Measured]) {
    println!("operation  by                  ns a call   ratio  95 % interval");
    let ratios: Vec<_> = measured.iter().map(rows).collect();
    println!();
    for (Measured { operation, .. }, (circuits, peers)) in measured.iter().zip(ratios) {
        let lower = circuits.lower;
        let within = yes(lower <= ALLOWED);
        println!("{operation}: circuits/bare lower bound {lower:.3} <= {ALLOWED:.2}: {within}");
        for (name, ratio) in peers {
            match ratio {
                Some(Ratio { upper, .. }) => {
                    let within = yes(lower <= upper);
                    println!(
                        "{operation}: lower bound {lower:.3} <= upper bound {upper:.3} of {name}: {within}"
                    );
                }
                None => println!("{operation}: lower bound {lower:.3} <= upper bound of {name}: -"),
            }
        }
    }
}

/// Prints the rows of an operation, and returns the ratios of Circuits and of its peers.
fn rows(measured: &Measured) -> (Ratio, Vec<(&'static str, Option<Ratio>)>) {
    let row = |name: &str, times: &Times| {
        let ratio = Ratio::new(times, &measured.bare);
        let Ratio {
            value,
            lower,
            upper,
        } = ratio;
        let (operation, time) = (measured.operation, median(&mut times.clone()));
        println!("{operation:<10} {name:<18} {time:>10.0} {value:>7.3}  {lower:.3} to {upper:.3}");
        ratio
    };
    row("bare", &measured.bare);
    let circuits = row("circuits", &measured.circuits);
    let peers = measured.peers.iter().map(|(name, times)| {
        let ratio = match times {
            Ok(times) => Some(row(name, times)),
            Err(why) => {
                println!("{:<10} {name:<18} {why:>10}", measured.operation);
                None
            }
        };
        (*name, ratio)
    });
    (circuits, peers.collect())
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
