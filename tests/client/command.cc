// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/client/command.h"

#include <unistd.h>

#include <stdexcept>

#include "base/file_io.h"
#include "base/memfd.h"
#include "base/spawn.h"

namespace davit::client {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

std::vector<std::string> Environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) result.emplace_back(*entry);
  return result;
}

[[noreturn]] void Throw(const Error& error) {
  throw std::runtime_error(error.ToString());
}

}  // namespace

CommandOutcome Run(const std::vector<std::string>& arguments, const std::vector<std::pair<int, int>>& fds) {
  // A file, not a pipe: what the command leaves running in the background may keep it open.
  std::string path = "/tmp/davit-command-XXXXXX";
  UniqueFd output(mkostemp(path.data(), O_CLOEXEC));
  if (!output) Throw(SystemError("mkostemp", path).error());
  unlink(path.c_str());
  SpawnRequest request{.program = arguments.at(0),
                       .args = arguments,
                       .env = Environment(),
                       .fds = {{output.get(), 1}, {output.get(), 2}}};
  request.fds.insert(request.fds.end(), fds.begin(), fds.end());
  auto child = Spawn(request);
  if (!child) Throw(child.error());
  auto status = Reap(*child);
  if (!status) Throw(status.error());
  lseek(output.get(), 0, SEEK_SET);
  auto text = ReadFd(output.get(), path, kMaxOutput);
  if (!text) Throw(text.error());
  return {.exit_code = status->code, .output = *text};
}

std::string MustRun(const std::vector<std::string>& arguments, const std::vector<std::pair<int, int>>& fds) {
  CommandOutcome outcome = Run(arguments, fds);
  if (outcome.exit_code == 0) return outcome.output;
  throw std::runtime_error(arguments[0] + " ended with " + std::to_string(outcome.exit_code) + ":\n" +
                           outcome.output);
}

std::string SourcePath(const std::string& relative) {
  return std::string(DAVIT_SOURCE_DIR) + "/" + relative;
}

}  // namespace davit::client
