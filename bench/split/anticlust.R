# One call of anticlust on a file of numbers (see split_solve.cpp), timed around the call alone:
#   Rscript anticlust.R LIBRARY FILE columns|distances OBJECTIVE SIZE,... METHOD REPETITIONS SEED OUT
# writes each row's group, from 0, to OUT, and prints the CPU seconds and anticlust's own value of the
# objective where it has a function for it.
arguments <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(anticlust, lib.loc = arguments[1]))
x <- as.matrix(read.table(arguments[2], header = FALSE, colClasses = "numeric"))
dimnames(x) <- NULL
objective <- arguments[4]
sizes <- as.integer(strsplit(arguments[5], ",")[[1]])
method <- arguments[6]
repetitions <- as.integer(arguments[7])
set.seed(as.integer(arguments[8]))
K <- length(sizes)
equal <- max(sizes) == min(sizes)
distances <- arguments[3] == "distances"
seconds <- function(t) sum(t[c("user.self", "sys.self")])
start <- seconds(proc.time())
if (!distances) x <- scale(x)
groups <- switch(method,
  "three-phase" = as.integer(three_phase_search_anticlustering(
    if (distances) as.dist(x) else x, K, nrow(x), objective = objective, number_iterations = repetitions,
    clusters = if (equal) NULL else sizes)),
  "fast" = {
    features <- if (objective == "kplus") cbind(x, scale((x - rep(colMeans(x), each = nrow(x)))^2)) else x
    fast_anticlustering(features, K = sizes, k_neighbours = if (repetitions > 0) repetitions else Inf)
  },
  "preclustering" = anticlustering(x, K = sizes, objective = objective, preclustering = TRUE),
  "optimal" = optimal_dispersion(x, K = sizes)$groups,
  anticlustering(if (distances) as.dist(x) else x, K = sizes, objective = objective, method = method,
                 repetitions = repetitions, standardize = !distances))
used <- seconds(proc.time()) - start
groups <- as.integer(groups)
groups <- groups - min(groups)
writeLines(as.character(groups), arguments[9])
value <- NA
if (objective == "diversity") value <- diversity_objective(if (distances) as.dist(x) else x, groups + 1)
if (objective == "dispersion") value <- dispersion_objective(x, groups + 1)
if (objective == "variance") {
  # Of the whole less that within groups: what is between them.
  value <- sum(scale(x, scale = FALSE)^2) - variance_objective(x, groups + 1)
}
cat(sprintf("%.3f %.17g\n", used, value))
