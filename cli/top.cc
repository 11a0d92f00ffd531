// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <pwd.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/by_name.h"
#include "cli/process_list.h"
#include "cli/row_output.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr int64_t kDaySeconds = 86'400;

Result<std::vector<ProcessInfo>> ProcessesOf(const Session& session, const std::string& name) {
  api::TopContainerRequest request;
  request.set_container(name);
  const api::TopContainerResponse top = TRY(CallByName(session.daemon, &OwnContainerStub::Top, request));
  std::vector<ProcessInfo> processes;
  for (int32_t pid : top.pids()) {
    if (std::optional<ProcessInfo> process = ReadProcess(pid)) processes.push_back(std::move(*process));
  }
  return processes;
}

// The host's name for the number, as ps(1) prints it.
std::string UserText(uid_t uid) {
  const passwd* user = getpwuid(uid);
  return user == nullptr ? std::to_string(uid) : user->pw_name;
}

// "14:02", or "Nov30" if it is longer ago than a day.
std::string StartText(int64_t started, int64_t now) {
  tm local{};
  localtime_r(&started, &local);
  char text[16] = {};
  strftime(text, sizeof text, now - started < kDaySeconds ? "%H:%M" : "%b%d", &local);
  return text;
}

std::string CpuTimeText(int64_t seconds) {
  char text[32];
  snprintf(text, sizeof text, "%02ld:%02ld:%02ld", static_cast<long>(seconds / 3600),
           static_cast<long>(seconds / 60 % 60), static_cast<long>(seconds % 60));
  return text;
}

int64_t BootTimeMs() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// The columns of `ps -ef`.
json RowOf(const ProcessInfo& process, int64_t up_ms, int64_t now) {
  int64_t age_ms = std::max<int64_t>(up_ms - process.started_ms, 1);
  return {{"UID", UserText(process.uid)},
          {"PID", std::to_string(process.pid)},
          {"PPID", std::to_string(process.parent)},
          {"C", std::to_string(std::min<int64_t>(process.cpu_ms * 100 / age_ms, 99))},
          {"STIME", StartText(now - age_ms / 1000, now)},
          {"TTY", TerminalText(process.terminal)},
          {"TIME", CpuTimeText(process.cpu_ms / 1000)},
          {"CMD", process.command}};
}

}  // namespace

Result<int> Perform(const Session& session, const TopOptions& options) {
  int64_t up_ms = BootTimeMs();
  int64_t now = UnixNanoseconds() / 1'000'000'000;
  std::vector<json> rows;
  for (const ProcessInfo& process : TRY(ProcessesOf(session, options.id)))
    rows.push_back(RowOf(process, up_ms, now));
  std::vector<Column> columns;
  for (const char* name : {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"})
    columns.push_back({name, name});
  TRY(PrintRows(session.console, /*format=*/"", columns, rows));
  return 0;
}

}  // namespace davit::cli
