// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/codec.h"
#include "base/ids.h"
#include "cri/cgroup/exec_cgroup.h"
#include "cri/runtime/runtime.h"
#include "cri/runtime/start_frame.h"

namespace davit {
namespace {

// Both streams together; the kubelet's receive limit of 16 MiB is for the whole message. More is read and
// dropped.
constexpr size_t kMaxOutput = 16'000'000;
// What a pipe can hold for a process without privileges (pipe(7), pipe-max-size).
constexpr size_t kMaxPipe = 1 << 20;
constexpr unsigned kSignalProcessGroup = 1 << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

struct OutputPipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<OutputPipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "exec");
  OutputPipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
  fcntl(made.reader.get(), F_SETFL, O_NONBLOCK);
  return made;
}

// Reads what the command writes until it has ended and the pipes are empty.
class OutputCollector {
 public:
  OutputCollector(UniqueFd out, UniqueFd err, UniqueFd process)
      : out_(std::move(out)), err_(std::move(err)), process_(std::move(process)) {}

  // False when `deadline_ms` came first. A grandchild that keeps a pipe open holds nobody: what counts is the
  // command.
  Result<bool> Run(int64_t deadline_ms, std::string& out, std::string& err) {
    while (true) {
      int64_t left = deadline_ms - MonotonicMilliseconds();
      if (left <= 0) return false;
      pollfd fds[3] = {{process_.get(), POLLIN, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
      int ready = TEMP_FAILURE_RETRY(poll(fds, 3, static_cast<int>(std::min<int64_t>(left, 1 << 30))));
      if (ready < 0) return SystemError("poll", "exec");
      bool ended = (fds[0].revents & POLLIN) != 0;
      Drain(out_, out);
      Drain(err_, err);
      if (ended) return true;
    }
  }

 private:
  // All that is in the pipe now. A writer that is as fast as this reader must not hold it here.
  void Drain(UniqueFd& fd, std::string& text) {
    char buffer[32 << 10];
    for (size_t read_so_far = 0; fd && read_so_far < kMaxPipe;) {
      ssize_t n = TEMP_FAILURE_RETRY(read(fd.get(), buffer, sizeof buffer));
      if (n < 0) return;
      if (n == 0) return fd.Reset();
      read_so_far += static_cast<size_t>(n);
      size_t room = kMaxOutput - kept_;
      size_t kept = std::min(room, static_cast<size_t>(n));
      text.append(buffer, kept);
      kept_ += kept;
    }
  }

  UniqueFd out_;
  UniqueFd err_;
  UniqueFd process_;
  size_t kept_ = 0;
};

// The command's whole process group where the kernel can do that by pidfd, else the command alone.
void KillCommand(int process) {
  if (syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, kSignalProcessGroup) < 0) {
    syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
  }
}

}  // namespace

Result<v1::ExecSyncResponse> Runtime::ExecSync(const v1::ExecSyncRequest& request, Call& call) {
  if (request.cmd().empty()) return Fail(Code::kInvalidArgument, "validate", "cmd", "it is empty");
  std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  auto [container, record, link, frame] =
      TRY(PrepareExec(TRY(pods_.FindContainer(request.container_id())), command, Terminal::kNone));
  call.spans.Mark("plan");

  OutputPipe out = TRY(MakePipe());
  OutputPipe err = TRY(MakePipe());
  frame.Add(FdRole::kStdout, std::move(out.writer));
  frame.Add(FdRole::kStderr, std::move(err.writer));

  int64_t deadline = call.deadline_ms;
  if (request.timeout() > 0) {
    deadline =
        std::min(deadline, MonotonicMilliseconds() + std::min<int64_t>(request.timeout(), 1 << 30) * 1000);
  }
  std::string exec_id = TRY(NewId());
  ExecCgroup cgroup = TRY(ExecCgroup::Make(host_.cgroups, record.cgroup_path, exec_id));
  if (UniqueFd directory = cgroup.TakeDirectory()) frame.Add(FdRole::kCgroupUnified, std::move(directory));
  std::future<ExecExited> ended = container->sandbox().execs().Expect(exec_id);
  Result<v1::ExecSyncResponse> response = [&]() -> Result<v1::ExecSyncResponse> {
    Frame started =
        TRY(link->Call(ShimMessage::kExec, Encode(::davit::ExecRequest{record.id, exec_id, frame.roles()}),
                       frame.fds(), deadline));
    frame = StartFrame();  // our ends of the writing side, so that the pipes can reach their end
    call.spans.Mark("start");
    if (started.fds.empty())
      return Fail(Code::kInternal, "exec in container", record.id, "the shim sent no process");
    int process_fd = started.fds[0].get();
    UniqueFd watched(fcntl(process_fd, F_DUPFD_CLOEXEC, 3));
    OutputCollector collector(std::move(out.reader), std::move(err.reader), std::move(watched));
    v1::ExecSyncResponse result;
    if (!TRY(collector.Run(deadline, *result.mutable_stdout(), *result.mutable_stderr()))) {
      KillCommand(process_fd);
      return Fail(
          Code::kDeadlineExceeded, "exec in container", record.id,
          "command \"" + command[0] + "\" timed out after " + std::to_string(request.timeout()) + " s");
    }
    call.spans.Mark("run");
    if (ended.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
      return Fail(Code::kUnavailable, "exec in container", record.id, "the shim does not report its end");
    }
    result.set_exit_code(ended.get().exit_code);
    call.spans.Mark("exit");
    return result;
  }();
  container->sandbox().execs().Forget(exec_id);
  if (response) return response;
  // What has left the command's group and session as well, and a command that the shim starts too late to
  // tell.
  if (Result<> killed = cgroup.Kill(); !killed)
    host_.log.Log(LogLevel::kError, "exec not killed", {{"error", killed.error().ToString()}});
  return response;
}

}  // namespace davit
