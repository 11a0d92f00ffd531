// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <poll.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/live_block.h"
#include "cli/row_output.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr int kIntervalMs = 1000;

const std::vector<Column>& Columns() {
  static const std::vector<Column> columns = {
      {"CONTAINER ID", "ID"}, {"NAME", "Name"},     {"CPU %", "CPUPerc"}, {"MEM USAGE / LIMIT", "MemUsage"},
      {"MEM %", "MemPerc"},   {"NET I/O", "NetIO"}, {"PIDS", "PIDs"}};
  return columns;
}

// The samples of all containers, of which each round has the difference to the one before.
class Rounds {
 public:
  Rounds(const Session& session, const StatsOptions& options) : session_(session), options_(options) {}

  Result<std::vector<json>> Next() {
    bool whole = options_.no_trunc || session_.console.format == OutputFormat::kJson;
    std::map<std::string, api::ContainerUsage> samples;
    std::vector<json> rows;
    for (api::ContainerUsage& usage : TRY(Measure(session_.daemon, {options_.ids, options_.kubelets}))) {
      auto before = before_.find(usage.id());
      rows.push_back(UsageRow(usage, before == before_.end() ? nullptr : &before->second, whole));
      samples[usage.id()] = std::move(usage);
    }
    before_ = std::move(samples);
    return rows;
  }

 private:
  const Session& session_;
  const StatsOptions& options_;
  std::map<std::string, api::ContainerUsage> before_;
};

// False at an interrupt.
bool Pause(Interrupt& interrupt) {
  pollfd wait{interrupt.fd(), POLLIN, 0};
  return poll(&wait, 1, kIntervalMs) <= 0 || !interrupt.Take();
}

Result<> Print(const Session& session, const StatsOptions& options, const std::vector<json>& rows) {
  return PrintRows(session.console, options.format, Columns(), rows);
}

Result<> Draw(const Console& console, LiveBlock& block, TerminalSize size, const std::vector<json>& rows) {
  std::vector<std::string> lines = Split(TRY(TableOf(Columns(), rows)), '\n');
  if (lines.back().empty()) lines.pop_back();
  if (lines.size() > LiveBlock::MostLines(size)) lines.resize(LiveBlock::MostLines(size));
  return console.Print(block.Draw(lines, size));
}

}  // namespace

// Each round needs the one before, so the first is not printed.
Result<int> Perform(const Session& session, const StatsOptions& options) {
  Rounds rounds(session, options);
  TRY(rounds.Next());
  LiveBlock block;
  while (Pause(session.interrupt)) {
    std::vector<json> rows = TRY(rounds.Next());
    bool table = options.format.empty() && session.console.format == OutputFormat::kTable;
    std::optional<TerminalSize> size = SizeOfTerminal(session.console.out);
    if (options.once || !table || !size)
      TRY(Print(session, options, rows));
    else
      TRY(Draw(session.console, block, *size, rows));
    if (options.once) return 0;
  }
  return 0;
}

}  // namespace davit::cli
