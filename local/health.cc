// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/health.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "local/request_checks.h"

namespace davit::local {
namespace {

constexpr char kProgram[] = "CMD";
constexpr char kShellLine[] = "CMD-SHELL";
constexpr char kNone[] = "NONE";

constexpr int64_t kMillisecond = 1'000'000;  // nanoseconds
constexpr int64_t kSecond = 1'000 * kMillisecond;
constexpr int64_t kInterval = 30 * kSecond;
constexpr int64_t kTimeout = 30 * kSecond;
constexpr int64_t kStartInterval = 5 * kSecond;
constexpr uint32_t kRetries = 3;
// An image must not have the node run probes without a pause.
constexpr int64_t kLeastPauseMs = 100;

int64_t OrDefault(int64_t value, int64_t otherwise) {
  return value > 0 ? value : otherwise;
}

bool InStartPeriod(const api::HealthCheck& check, const Health& health, int64_t run_started_at, int64_t at) {
  return health.status == api::HealthState::STARTING && at - run_started_at < check.start_period();
}

Result<> CheckTime(const char* field, int64_t nanoseconds) {
  if (nanoseconds == 0 || nanoseconds >= kMillisecond) return {};
  return Fail(Code::kInvalidArgument, field, std::to_string(nanoseconds),
              "is less than a millisecond (1,000,000 nanoseconds)");
}

Result<> CheckTest(const api::HealthCheck& check) {
  if (check.test_size() == 0) return {};
  const std::string& kind = check.test(0);
  if (kind == kNone && check.test_size() == 1) return {};
  if ((kind == kProgram || kind == kShellLine) && check.test_size() > 1) return {};
  return Fail(Code::kInvalidArgument, "health.test", kind.substr(0, sizeof kShellLine),
              "write CMD and a program with its arguments, CMD-SHELL and one line, or NONE");
}

}  // namespace

api::HealthCheck HealthCheckOf(const api::HealthCheck& wanted, const images::ImageConfig& image) {
  api::HealthCheck check = wanted;
  const images::ImageHealthcheck& other = image.healthcheck;
  if (check.test_size() == 0) check.mutable_test()->Add(other.test.begin(), other.test.end());
  if (check.interval() == 0) check.set_interval(other.interval);
  if (check.timeout() == 0) check.set_timeout(other.timeout);
  if (check.start_period() == 0) check.set_start_period(other.start_period);
  if (check.start_interval() == 0) check.set_start_interval(other.start_interval);
  int64_t retries = std::clamp<int64_t>(other.retries, 0, std::numeric_limits<int32_t>::max());
  if (check.retries() == 0) check.set_retries(static_cast<uint32_t>(retries));
  if (check.shell_size() == 0) check.mutable_shell()->Add(image.shell.begin(), image.shell.end());
  return IsChecked(check) ? check : api::HealthCheck();
}

bool IsChecked(const api::HealthCheck& check) {
  return check.test_size() > 1 && (check.test(0) == kProgram || check.test(0) == kShellLine);
}

Result<> CheckHealthCheck(const api::HealthCheck& check) {
  TRY(LimitWords("health.test", check.test()));
  TRY(LimitWords("health.shell", check.shell()));
  TRY(CheckTest(check));
  TRY(CheckTime("health.interval", check.interval()));
  TRY(CheckTime("health.timeout", check.timeout()));
  TRY(CheckTime("health.start_period", check.start_period()));
  TRY(CheckTime("health.start_interval", check.start_interval()));
  if (check.retries() <= static_cast<uint32_t>(std::numeric_limits<int32_t>::max())) return {};
  return Fail(Code::kInvalidArgument, "health.retries", std::to_string(check.retries()), "is too large");
}

std::vector<std::string> ProbeCommand(const api::HealthCheck& check) {
  std::vector<std::string> command;
  if (check.test(0) == kShellLine) command = {check.shell().begin(), check.shell().end()};
  if (check.test(0) == kShellLine && command.empty()) command = {"/bin/sh", "-c"};
  command.insert(command.end(), check.test().begin() + 1, check.test().end());
  return command;
}

int64_t ProbeTimeoutMs(const api::HealthCheck& check) {
  return OrDefault(check.timeout(), kTimeout) / kMillisecond;
}

int64_t ProbePauseMs(const api::HealthCheck& check, const Health& health, int64_t run_started_at,
                     int64_t now) {
  int64_t pause = InStartPeriod(check, health, run_started_at, now)
                      ? OrDefault(check.start_interval(), kStartInterval)
                      : OrDefault(check.interval(), kInterval);
  return std::max(pause / kMillisecond, kLeastPauseMs);
}

bool NoteProbe(const api::HealthCheck& check, int64_t run_started_at, ProbeResult result, Health& health) {
  const api::HealthState::Status before = health.status;
  if (result.exit_code == 0) {
    health.failing_streak = 0;
    health.status = api::HealthState::HEALTHY;
  } else if (!InStartPeriod(check, health, run_started_at, result.started_at)) {
    uint32_t retries = check.retries() == 0 ? kRetries : check.retries();
    if (++health.failing_streak >= retries) health.status = api::HealthState::UNHEALTHY;
  }
  health.log.push_back(std::move(result));
  if (health.log.size() > kMostProbeResults) health.log.pop_front();
  return health.status != before;
}

}  // namespace davit::local
