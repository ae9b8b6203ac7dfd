// Package bench measures Stillwarm beside its peers and beside what one would write by hand, in one run, and holds the
// results against the goals of the project. The command in cmd/bench prints them and writes docs/performance.md and
// docs/internals/performance.md.
//
// A [contest] is one question, such as "a hit in memory, a struct of 8 KB". Its contenders answer by turns: in each round every
// contender takes one sample, in an order of chance, so that whatever else the machine does troubles all
// alike. A figure is the median over the rounds; a ratio is the median of the ratios within the rounds, because two samples
// of one round met the same machine. The spread is half the distance between the quartiles, as a share of the median.
//
// Contenders have a role: ours, a peer, or the floor, which is the least that any implementation has to do, written
// by hand for this one case. A peer that hands out shared memory is marked, and is no competitor where the value has
// memory to share: making the copy is most of the work.
package bench
