//! Times of single steps: `cargo bench -p hookline-micro --bench steps [-- <name>]`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn steps(criterion: &mut Criterion) {
    for step in hookline_micro::steps() {
        let prepared = step.prepare();
        let mut group = criterion.benchmark_group("steps");
        if let Some(bytes) = prepared.bytes.and_then(|bytes| bytes.try_into().ok()) {
            group.throughput(Throughput::BytesDecimal(bytes));
        }
        group.bench_function(step.name, |bencher| bencher.iter(|| (prepared.run)()));
        group.finish();
    }
}

criterion_group!(all, steps);
criterion_main!(all);
