// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/flags.h"
#include "cli/build/dockerfile/instruction_parsers.h"
#include "cli/build/dockerfile/mount.h"
#include "cli/build/dockerfile/nearest_word.h"
#include "cli/build/dockerfile/quantities.h"

namespace davit::cli::dockerfile {
namespace {

using Kind = Flags::Kind;

constexpr int64_t kShortestInterval = 1'000'000;  // a millisecond

CommandLine CommandOf(const Node& node) {
  return {node.arguments, node.exec_form};
}

Parsed<Run::Network> ParseNetwork(const Token& mode) {
  constexpr std::string_view kModes[] = {"default", "none", "host"};
  auto found = mode.text.empty() ? std::begin(kModes) : std::ranges::find(kModes, mode.text);
  if (found != std::end(kModes)) return static_cast<Run::Network>(found - std::begin(kModes));
  return Refuse(mode.place, "invalid network mode \"" + mode.text + "\": expected default, none or host",
                NearestWord(mode.text, kModes));
}

Parsed<> CheckSecurity(const Token& mode) {
  if (mode.text.empty() || mode.text == "sandbox") return {};
  if (mode.text == "insecure") return Refuse(mode.place, "--security=insecure is not supported");
  return Refuse(mode.place, "security \"" + mode.text + "\" is not valid: expected sandbox");
}

Parsed<int64_t> ParseInterval(const Flags& flags, std::string_view flag) {
  const Token text = flags.Text(flag);
  if (text.text.empty()) return 0;
  auto duration = ParseDuration(text.text);
  if (!duration)
    return Refuse(text.place,
                  "--" + std::string(flag) + "=" + text.text + ": expected a duration such as 30s or 1m30s");
  if (*duration != 0 && *duration < kShortestInterval)
    return Refuse(text.place, "--" + std::string(flag) + "=" + text.text + ": expected at least 1ms");
  return *duration;
}

Parsed<int32_t> ParseRetries(const Token& text) {
  if (text.text.empty()) return 0;
  auto retries = ParseNumber(text.text, 10);
  if (!retries || *retries > INT32_MAX)
    return Refuse(text.place, "--retries=" + text.text + ": expected a whole number that is not negative");
  return static_cast<int32_t>(*retries);
}

}  // namespace

Parsed<Run> ParseRun(const Node& node) {
  Flags flags = TRY(Flags::Parse(node.flags, {{"mount", Kind::kTexts},
                                              {"network", Kind::kText},
                                              {"security", Kind::kText},
                                              {"device", Kind::kTexts}}));
  if (flags.Has("device")) return Refuse(flags.Texts("device")[0].place, "--device is not supported");
  TRY(CheckSecurity(flags.Text("security")));
  if (node.arguments.empty()) return Refuse(node.name.place, "RUN requires at least one argument");
  const Run::Network network = TRY(ParseNetwork(flags.Text("network")));
  Run run{CommandOf(node), node.heredocs, flags.Texts("mount"), network};
  for (const Token& mount : run.mounts) TRY(MountSource(mount));
  return run;
}

Parsed<Cmd> ParseCmd(const Node& node) {
  TRY(HaveNoFlags(node));
  return Cmd{CommandOf(node)};
}

Parsed<Entrypoint> ParseEntrypoint(const Node& node) {
  TRY(HaveNoFlags(node));
  return Entrypoint{CommandOf(node)};
}

Parsed<Shell> ParseShell(const Node& node) {
  TRY(NeedArguments(node));
  if (!node.exec_form)
    return Refuse(node.arguments[0].place,
                  "SHELL requires the arguments to be in JSON form: expected [\"/bin/sh\", \"-c\"]");
  return Shell{node.arguments};
}

Parsed<Healthcheck> ParseHealthcheck(const Node& node) {
  Flags flags = TRY(Flags::Parse(node.flags, {{"interval", Kind::kText},
                                              {"timeout", Kind::kText},
                                              {"start-period", Kind::kText},
                                              {"start-interval", Kind::kText},
                                              {"retries", Kind::kText}}));
  if (node.arguments.empty()) return Refuse(node.name.place, "HEALTHCHECK requires at least one argument");
  const Token& kind = node.arguments[0];
  const bool none = EqualIgnoringCase(kind.text, "none");
  if (none && node.arguments.size() > 1) return Refuse(kind.place, "HEALTHCHECK NONE takes no arguments");
  if (none) return Healthcheck{.none = true};
  if (!EqualIgnoringCase(kind.text, "cmd"))
    return Refuse(kind.place, "unknown type " + kind.text + " in HEALTHCHECK: expected CMD or NONE");
  if (node.arguments.size() == 1) return Refuse(kind.place, "missing command after HEALTHCHECK CMD");
  Healthcheck check;
  check.command = {{node.arguments.begin() + 1, node.arguments.end()}, node.exec_form};
  check.interval = TRY(ParseInterval(flags, "interval"));
  check.timeout = TRY(ParseInterval(flags, "timeout"));
  check.start_period = TRY(ParseInterval(flags, "start-period"));
  check.start_interval = TRY(ParseInterval(flags, "start-interval"));
  check.retries = TRY(ParseRetries(flags.Text("retries")));
  return check;
}

}  // namespace davit::cli::dockerfile
