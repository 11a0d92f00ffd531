// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/health_grammar.h"

#include <limits>

namespace davit::cli {

void AddHealthFlags(CLI::App& verb, HealthOptions& options) {
  constexpr char kTime[] = "TIME";
  verb.add_option(
          "--health-cmd", options.command,
          "A shell command in the container that succeeds while it works (default: the image's check)")
      ->type_name("COMMAND");
  verb.add_option("--health-interval", options.interval, "Time between checks, such as 10s (default 30s)")
      ->type_name(kTime);
  verb.add_option("--health-timeout", options.timeout, "A check that takes longer has failed (default 30s)")
      ->type_name(kTime);
  verb.add_option("--health-retries", options.retries,
                  "So many failures in a row make it unhealthy (default 3)")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, std::numeric_limits<int32_t>::max()).description(""));
  verb.add_option("--health-start-period", options.start_period,
                  "Time for its start, in which failures do not count (default 0s)")
      ->type_name(kTime);
  verb.add_option("--health-start-interval", options.start_interval,
                  "Time between checks in the start period (default 5s)")
      ->type_name(kTime);
  verb.add_flag("--no-healthcheck", options.none, "No health check, not even the image's");
}

}  // namespace davit::cli
