// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/log_streams.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/file_io.h"
#include "base/time.h"
#include "cli/containers.h"
#include "cli/log_line.h"
#include "cli/text.h"

namespace davit::cli::compose {
namespace {

constexpr size_t kMostLine = 64 << 10;  // of a container that writes no newline
constexpr int kAskMs = 1000;
constexpr int kAskSoonMs = 20;
constexpr int64_t kPatienceMs = 240'000;  // without an answer of the daemon
constexpr std::array<const char*, 6> kColors = {"\033[36m", "\033[33m", "\033[32m",
                                                "\033[35m", "\033[34m", "\033[96m"};
constexpr char kNoColor[] = "\033[0m";

}  // namespace

LogStyle StyleFor(const Console& console, bool no_color, bool no_prefix, bool timestamps) {
  const char* wish = getenv("NO_COLOR");
  bool color = !no_color && (wish == nullptr || *wish == '\0') && isatty(console.out) == 1;
  return {.prefix = !no_prefix, .color = color, .timestamps = timestamps};
}

// Turns lines of the log into lines of the console.
class LogStreams::Printer {
 public:
  Printer(const Console& console, std::mutex& output, std::string prefix, bool timestamps)
      : console_(console), output_(output), prefix_(std::move(prefix)), timestamps_(timestamps) {}

  Result<> Add(std::string_view line) {
    std::optional<LogLine> parsed = ParseLogLine(line);
    LogStream stream = parsed ? parsed->stream : LogStream::kStderr;
    if (stream != stream_ && !text_.empty()) TRY(Flush());
    stream_ = stream;
    if (!in_line_) {
      text_ += prefix_;
      if (timestamps_ && parsed) text_.append(parsed->time).append(" ");
    }
    text_ += parsed ? parsed->text : line;
    in_line_ = parsed && parsed->partial && text_.size() < kMostLine;
    if (!in_line_) text_ += '\n';
    return text_.size() >= kMostLine && !in_line_ ? Flush() : Result<>();
  }

  // Whole lines; the beginning of one stays.
  Result<> Flush() {
    size_t end = in_line_ ? text_.rfind('\n') + 1 : text_.size();
    if (end == 0) return {};
    std::lock_guard lock(output_);
    TRY(WriteAll(stream_ == LogStream::kStdout ? console_.out : console_.err,
                 std::string_view(text_).substr(0, end), "output"));
    text_.erase(0, end);
    return {};
  }

 private:
  const Console& console_;
  std::mutex& output_;
  const std::string prefix_;
  const bool timestamps_;
  LogStream stream_ = LogStream::kStdout;
  bool in_line_ = false;
  std::string text_;
};

Result<std::unique_ptr<LogStreams>> LogStreams::Make(const Session& session, LogStyle style, size_t width) {
  UniqueFd ended(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended || !stop) return SystemError("eventfd", "logs");
  return std::unique_ptr<LogStreams>(
      new LogStreams(session, style, width, std::move(ended), std::move(stop)));
}

LogStreams::~LogStreams() {
  eventfd_write(stop_fd_.get(), 1);
  std::vector<std::jthread> threads;
  std::lock_guard lock(mutex_);
  threads.swap(threads_);
}

// Containers get colors in the order of their first lines.
std::string LogStreams::Prefix(const std::string& label) {
  if (!style_.prefix) return "";
  std::lock_guard lock(mutex_);
  auto [prefix, is_new] = prefixes_.emplace(label, "");
  if (!is_new) return prefix->second;
  std::string text = Printable(label);
  if (text.size() < width_) text.resize(width_, ' ');
  text += " | ";
  if (style_.color) text = kColors.at((prefixes_.size() - 1) % kColors.size()) + text + kNoColor;
  return prefix->second = text;
}

Result<> LogStreams::Print(const api::Container& container, const std::string& label,
                           const LogChoice& choice) {
  LogTail tail = TRY(LogTail::Watch(container.log_path()));
  Printer printer(session_.console, output_, Prefix(label), style_.timestamps);
  LogSelection selection(choice, [&printer](std::string_view line) { return printer.Add(line); });
  TRY(tail.Drain([&selection](std::string_view line) { return selection.Add(line); }));
  TRY(selection.EndBeginning());
  return printer.Flush();
}

Result<> LogStreams::Follow(const api::Container& container, const std::string& label,
                            const LogChoice& choice) {
  auto tail = std::make_shared<LogTail>(TRY(LogTail::Watch(container.log_path())));
  std::string prefix = Prefix(label);
  std::lock_guard lock(mutex_);
  ++following_;
  threads_.emplace_back([this, tail, prefix, label, choice, id = container.id()] {
    Printer printer(session_.console, output_, prefix, style_.timestamps);
    Result<int> status = Read(*tail, id, printer, choice);
    if (!status && status.error().code != Code::kCancelled)
      session_.console.Remark(status.error().ToString());
    std::lock_guard end_lock(mutex_);
    --following_;
    ended_.push_back({id, label, status.value_or(1)});
    eventfd_write(ended_fd_.get(), 1);
  });
  return {};
}

Result<int> LogStreams::Read(LogTail& tail, const std::string& id, Printer& printer,
                             const LogChoice& choice) {
  TRY(tail.KeepUp());
  LogSelection selection(choice, [&printer](std::string_view line) { return printer.Add(line); });
  AskContainer ask = AskLocal(session_.daemon, id, /*restarting_goes_on=*/true);
  Watched watched;
  int64_t answered_at = MonotonicMilliseconds();
  int timeout_ms = kAskSoonMs;
  for (;;) {
    // The log is complete before the status says that the container has ended.
    Result<> drained = tail.Drain([&selection](std::string_view line) { return selection.Add(line); });
    if (!drained && drained.error().code != Code::kDataLoss) return std::unexpected(drained.error());
    if (!drained) session_.console.Remark(drained.error().ToString());
    TRY(selection.EndBeginning());
    TRY(printer.Flush());
    if (watched.ended) return watched.exit_code;
    pollfd waits[] = {{tail.fd(), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}};
    int ready = poll(waits, 2, timeout_ms);
    if (ready < 0 && errno != EINTR) return SystemError("poll", "log");
    if (ready > 0 && (waits[1].revents & POLLIN) != 0) return Fail(Code::kCancelled, "follow", id);
    bool closed = ready > 0 && TRY(tail.TakeEvents());
    if (ready > 0 && !closed) continue;
    timeout_ms = closed ? kAskSoonMs : std::min(2 * timeout_ms, kAskMs);
    Result<Watched> answer = ask();
    bool away =
        !answer && (answer.error().code == Code::kUnavailable || answer.error().code == Code::kCancelled);
    if (!answer && (!away || MonotonicMilliseconds() - answered_at > kPatienceMs))
      return std::unexpected(answer.error());
    if (!answer) continue;
    watched = *answer;
    answered_at = MonotonicMilliseconds();
  }
}

std::vector<EndedStream> LogStreams::Ended() {
  eventfd_t count = 0;
  (void)eventfd_read(ended_fd_.get(), &count);
  std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

size_t LogStreams::following() const {
  std::lock_guard lock(mutex_);
  return following_;
}

}  // namespace davit::cli::compose
