// Time, rate, speed-up and efficiency of each row, against a common baseline and against the series' own smallest x.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

// What is measured: time and rate of each row, by what name, and why.
//
// The time of an execution is a metric, or that of a function: of each rank the mean of its times, of the ranks the
// largest, since the step ends with its slowest rank. Chosen, where nobody says: loop_time, epoch_time, a metric in
// seconds, main(), the wall clock of the point; the first that every row has, or the one that most have. The rate is a
// metric per second of which more is better, else work / time.
void measure(const Collection& collection, const FigureOptions& meaning, Figures& figures);

// Baselines, relative times, speed-ups, efficiencies and which of them holds.
void compute_scaling(const FigureOptions& meaning, Figures& figures);

// The mean of each rank's times, the largest of the ranks'. Unknown without times.
double slowest_mean(const FunctionTimes& times);

}  // namespace inferstep::report
