// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/health.h"

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/quantity.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;
using nlohmann::json;

constexpr int64_t kMillisecond = 1'000'000;  // nanoseconds

// 0 if the text is empty.
Result<int64_t> TimeOf(const char* flag, const std::string& text) {
  if (text.empty()) return 0;
  Result<int64_t> time = ParseDuration(text);
  if (time && (*time == 0 || *time >= kMillisecond)) return time;
  return Fail(Code::kInvalidArgument, flag, text, "write a time of 1ms or more, such as 30s or 1m30s");
}

}  // namespace

Result<> SetHealth(const HealthOptions& options, api::ContainerSpec& spec) {
  api::HealthCheck check;
  if (!options.command.empty()) {
    check.add_test("CMD-SHELL");
    check.add_test(options.command);
  }
  check.set_interval(TRY(TimeOf("--health-interval", options.interval)));
  check.set_timeout(TRY(TimeOf("--health-timeout", options.timeout)));
  check.set_start_period(TRY(TimeOf("--health-start-period", options.start_period)));
  check.set_start_interval(TRY(TimeOf("--health-start-interval", options.start_interval)));
  check.set_retries(options.retries);
  bool wanted = check.ByteSizeLong() > 0;
  if (wanted && options.none)
    return Fail(Code::kInvalidArgument, "--no-healthcheck", "",
                "contradicts the other options of health checks");
  if (options.none) check.add_test("NONE");
  if (wanted || options.none) *spec.mutable_health() = std::move(check);
  return {};
}

std::string HealthWord(const api::HealthState& health) {
  switch (health.status()) {
    case api::HealthState::STARTING:
      return "starting";
    case api::HealthState::HEALTHY:
      return "healthy";
    case api::HealthState::UNHEALTHY:
      return "unhealthy";
    default:
      return "none";
  }
}

json HealthDocument(const api::HealthState& health) {
  json log = json::array();
  for (const api::HealthResult& result : health.log()) {
    log.push_back({{"Start", FormatRfc3339Nano(result.started_at())},
                   {"End", FormatRfc3339Nano(result.ended_at())},
                   {"ExitCode", result.exit_code()},
                   {"Output", result.output()}});
  }
  return {{"Status", HealthWord(health)}, {"FailingStreak", health.failing_streak()}, {"Log", log}};
}

json HealthCheckDocument(const api::HealthCheck& check) {
  json document = {{"Test", std::vector<std::string>(check.test().begin(), check.test().end())}};
  auto add = [&document](const char* name, int64_t value) {
    if (value != 0) document[name] = value;
  };
  add("Interval", check.interval());
  add("Timeout", check.timeout());
  add("StartPeriod", check.start_period());
  add("StartInterval", check.start_interval());
  add("Retries", check.retries());
  return document;
}

}  // namespace davit::cli
