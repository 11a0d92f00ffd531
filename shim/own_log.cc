// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/own_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/time.h"

namespace davit::shim {

Result<> OwnLog::Open(Environment& env, UniqueFd fd) {
  env_ = &env;
  fd_ = std::move(fd);  // before anything can fail
  struct stat st;
  if (fstat(fd_.get(), &st) < 0) return SystemError("fstat", "own log");
  is_socket_ = S_ISSOCK(st.st_mode);
  if (is_socket_) return {};
  // An open file description of its own: O_NONBLOCK would be everybody's otherwise.
  int flags = S_ISREG(st.st_mode) ? O_PATH : O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY;
  fd_ = TRY(OpenAt(env.own.proc.get(), "self/fd/" + std::to_string(fd_.get()), flags));
  if (S_ISREG(st.st_mode)) file_ = std::make_unique<LogWriter>(env, std::move(fd_), [] {});
  return {};
}

void OwnLog::Drain() {
  constexpr int64_t kPatienceMs = 1000;
  int64_t deadline = MonotonicMilliseconds() + kPatienceMs;
  while (file_ && !file_->Await()) {
    int64_t left = deadline - MonotonicMilliseconds();
    if (left <= 0 || !env_->loop.RunOnce(static_cast<int>(left))) return;
  }
}

void OwnLog::Write(std::string_view line) {
  if (file_) {
    WriteFile(line);
  } else if (is_socket_) {
    (void)send(fd_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    [[maybe_unused]] ssize_t n = TEMP_FAILURE_RETRY(write(fd_.get(), line.data(), line.size()));
  }
}

// The writer, too, has something to log when it cannot start its process.
void OwnLog::WriteFile(std::string_view line) {
  if (is_writing_ || !file_->batch().BeginLine(line.size())) return;
  is_writing_ = true;
  file_->batch().Append(line);
  file_->Submit();
  is_writing_ = false;
}

}  // namespace davit::shim
