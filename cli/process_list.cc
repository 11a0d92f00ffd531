// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/process_list.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vector>

#include "base/file_io.h"
#include "base/number.h"
#include "base/unique_fd.h"
#include "base/utf8.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

constexpr size_t kMostCommandBytes = 4096;

// The beginning of a file that a process can make as long as it wants.
std::string ReadBeginning(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(kMostCommandBytes, '\0');
  ssize_t size = file ? TEMP_FAILURE_RETRY(read(file.get(), text.data(), text.size())) : 0;
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

std::string CommandOf(const std::string& directory, const std::string& name) {
  std::string words = ReadBeginning(directory + "/cmdline");
  while (words.ends_with('\0')) words.pop_back();
  return words.empty() ? "[" + name + "]" : OneLine(words, kMostCommandBytes);
}

}  // namespace

std::optional<ProcessInfo> ParseProcessStat(std::string_view text, int64_t ticks_per_second) {
  // Fields after the name, of which the manual page counts the state as the third.
  constexpr size_t kParent = 1;
  constexpr size_t kTerminal = 4;
  constexpr size_t kUserTime = 11;
  constexpr size_t kSystemTime = 12;
  constexpr size_t kStartTime = 19;
  size_t open = text.find('(');
  size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  std::vector<std::string> fields = Split(std::string(text.substr(close + 1)), ' ');
  fields.erase(fields.begin());  // before the first space
  if (fields.size() <= kStartTime) return std::nullopt;
  auto parent = WholeNumber<pid_t>(fields[kParent]);
  auto terminal = WholeNumber<uint32_t>(fields[kTerminal]);
  auto user = WholeNumber<int64_t>(fields[kUserTime]);
  auto system = WholeNumber<int64_t>(fields[kSystemTime]);
  auto started = WholeNumber<int64_t>(fields[kStartTime]);
  if (!parent || !terminal || !user || !system || !started) return std::nullopt;
  ProcessInfo process;
  process.parent = *parent;
  process.terminal = *terminal;
  process.cpu_ms = (*user + *system) * 1000 / ticks_per_second;
  process.started_ms = *started * 1000 / ticks_per_second;
  process.command = text.substr(open + 1, close - open - 1);
  return process;
}

std::optional<ProcessInfo> ReadProcess(pid_t pid) {
  std::string directory = "/proc/" + std::to_string(pid);
  struct stat st{};
  Result<std::string> text = ReadFile(directory + "/stat");
  if (!text || stat(directory.c_str(), &st) < 0) return std::nullopt;
  std::optional<ProcessInfo> process = ParseProcessStat(*text, sysconf(_SC_CLK_TCK));
  if (!process) return std::nullopt;
  process->pid = pid;
  process->uid = st.st_uid;
  process->command = CommandOf(directory, process->command);
  return process;
}

std::string TerminalText(uint32_t device) {
  // Documentation/admin-guide/devices.txt of Linux.
  constexpr unsigned kConsoles = 4;
  constexpr unsigned kFirstPts = 136;
  constexpr unsigned kLastPts = 143;
  constexpr unsigned kPtsPerMajor = 256;
  if (device == 0) return "?";
  unsigned major_number = major(device);
  unsigned minor_number = minor(device);
  if (major_number >= kFirstPts && major_number <= kLastPts)
    return "pts/" + std::to_string((major_number - kFirstPts) * kPtsPerMajor + minor_number);
  if (major_number == kConsoles) return "tty" + std::to_string(minor_number);
  return std::to_string(major_number) + ":" + std::to_string(minor_number);
}

}  // namespace davit::cli
