// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/stop_signal.h"

#include <signal.h>

#include <optional>
#include <string_view>

#include "base/number.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

namespace {

// Real-time signals as the field counts them: SIGRTMIN is 34, because the C library keeps two for itself.
constexpr int kRealTimeMin = 34;
constexpr int kRealTimeMax = 64;

struct NamedSignal {
  std::string_view name;
  int number;
};

constexpr NamedSignal kSignals[] = {
    {"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
    {"CONT", SIGCONT},     {"FPE", SIGFPE},     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
    {"IO", SIGIO},         {"IOT", SIGABRT},    {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGIO},
    {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
    {"STOP", SIGSTOP},     {"SYS", SIGSYS},     {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};

// "RTMIN", "RTMIN+3", "RTMAX-2"; the CRI spells the signs PLUS and MINUS.
std::optional<int> ParseRealTime(std::string_view name) {
  bool from_max = name.starts_with("RTMAX");
  if (!from_max && !name.starts_with("RTMIN")) return std::nullopt;
  std::string_view rest = name.substr(5);
  int base = from_max ? kRealTimeMax : kRealTimeMin;
  if (rest.empty()) return base;
  for (std::string_view sign : {from_max ? "-" : "+", from_max ? "MINUS" : "PLUS"}) {
    if (!rest.starts_with(sign)) continue;
    std::optional<int> offset = WholeNumber<int>(rest.substr(sign.size()));
    if (!offset || *offset < 0) return std::nullopt;
    return from_max ? base - *offset : base + *offset;
  }
  return std::nullopt;
}

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

std::optional<int> ParseSignal(std::string_view as_written) {
  const std::string upper = UpperCase(as_written);
  std::string_view text = upper;
  if (std::optional<int> number = WholeNumber<int>(text))
    return *number >= 1 && *number <= kRealTimeMax ? number : std::nullopt;
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (const NamedSignal& signal : kSignals) {
    if (signal.name == text) return signal.number;
  }
  std::optional<int> real_time = ParseRealTime(text);
  return real_time && *real_time >= kRealTimeMin && *real_time <= kRealTimeMax ? real_time : std::nullopt;
}

}  // namespace

Result<int> StopSignalOf(v1::Signal requested, const std::string& image_signal) {
  std::string text = image_signal;
  if (requested != v1::SIGNAL_RUNTIME_DEFAULT) {
    if (!v1::Signal_IsValid(requested)) {
      return Fail(Code::kInvalidArgument, "validate", "stop_signal",
                  std::to_string(requested) + " is not a signal");
    }
    text = v1::Signal_Name(requested).substr(sizeof("SIGNAL_") - 1);
  }
  if (text.empty()) return SIGTERM;
  std::optional<int> signal = ParseSignal(text);
  if (!signal)
    return Fail(Code::kInvalidArgument, "validate", "stop_signal", "\"" + text + "\" is not a signal");
  return *signal;
}

v1::Signal SignalToCri(int signal) {
  for (int value = v1::Signal_MIN; value <= v1::Signal_MAX; ++value) {
    if (value == v1::SIGNAL_RUNTIME_DEFAULT || !v1::Signal_IsValid(value)) continue;
    if (ParseSignal(v1::Signal_Name(static_cast<v1::Signal>(value)).substr(sizeof("SIGNAL_") - 1)) ==
        signal) {
      return static_cast<v1::Signal>(value);
    }
  }
  return v1::SIGNAL_RUNTIME_DEFAULT;
}

}  // namespace davit::cri
