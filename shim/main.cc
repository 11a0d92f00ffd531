// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-shim: keeps one pod alive, whatever happens to the daemon.
//
// Started by davitd from a sealed memfd, as shim/protocol.h says. One thread, one epoll loop; everything that
// could hang is done by a child. Ends when the daemon asks for it (kShutdown), or when the daemon goes before
// it was given a sandbox, and never otherwise: SIGKILL apart, signals are blocked.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "shim/daemon_link.h"
#include "shim/environment.h"
#include "shim/init/dev.h"
#include "shim/late_logs.h"
#include "shim/own_log.h"
#include "shim/pod.h"

namespace davit::shim {
namespace {

constexpr int kUsageStatus = 2;
constexpr size_t kReadBytes = 64 << 10;

bool IsSocket(int fd, int option, int expected) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

// Started as protocol.h says? A container whose program is "#!/proc/self/exe" runs this too, and must get
// nowhere.
bool IsStartedByDaemon(int argc, char** argv) {
  struct stat exits;
  return argc == 2 && IsId(argv[1]) && IsSocket(kShimListenFd, SO_ACCEPTCONN, 1) &&
         IsSocket(kShimListenFd, SO_TYPE, SOCK_SEQPACKET) &&
         IsSocket(kShimControlFd, SO_TYPE, SOCK_SEQPACKET) && fstat(kShimExitsFd, &exits) == 0 &&
         S_ISDIR(exits.st_mode) && fcntl(kShimLogFd, F_GETFD) >= 0;
}

// posix_spawn ignores the C library's own two signals in its child, and ignored signals are inherited by
// everything that the shim will ever start; sigaction(3) refuses to touch them.
Result<> RestoreInternalSignals() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    uint64_t mask;
  } by_default{};
  for (int signal : {__SIGRTMIN, __SIGRTMIN + 1}) {
    if (syscall(SYS_rt_sigaction, signal, &by_default, nullptr, sizeof(uint64_t)) < 0) {
      return SystemError("rt_sigaction", std::to_string(signal));
    }
  }
  return {};
}

// Nothing of the shim's may reach a program that it starts, nor be read by one.
Result<> SecureProcess() {
  for (int fd = kShimListenFd; fd <= kShimLogFd; ++fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return SystemError("fcntl(FD_CLOEXEC)", std::to_string(fd));
  }
  (void)prctl(PR_SET_NAME, "davit-shim", 0, 0, 0);  // else it shows as the number of the memfd
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_DUMPABLE)", "0");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_CHILD_SUBREAPER)", "1");
  TRY(RestoreInternalSignals());
  sigset_t all;
  sigfillset(&all);
  if (sigprocmask(SIG_SETMASK, &all, nullptr) < 0) return SystemError("sigprocmask", "all");
  return {};
}

Result<> Run(Environment& env, const std::string& sandbox_id) {
  DaemonLink* link_of_pod = nullptr;
  Pod pod(env, sandbox_id, [&](ShimMessage event, std::string payload) {
    return link_of_pod->SendEvent(event, std::move(payload));
  });
  DaemonLink link(env.loop, env.log, UniqueFd(kShimListenFd), [&](Frame request, Asker asker) {
    pod.Handle(std::move(request), [&link_of_pod, asker](Result<Answer> answer) {
      if (!answer) return link_of_pod->SendFailure(asker, answer.error());
      link_of_pod->Send(asker, answer->type, std::move(answer->payload), answer->fds);
    });
  });
  link_of_pod = &link;
  TRY(link.Open(UniqueFd(kShimControlFd)));
  pod.Prepare();

  auto is_done = [&] { return pod.ended() ? link.idle() : !pod.started() && !link.connected(); };
  while (!is_done()) {
    TRY(env.loop.RunOnce(env.timers.NextTimeout()));
    env.timers.RunDue();
  }
  return {};
}

void LogEnd(const Logger& log, const std::string& sandbox_id, const Error& error) {
  log.Log(LogLevel::kError, "the shim ends", {{"sandbox", sandbox_id}, {"error", error.ToString()}});
}

// Returns whether it came to a good end; an error that nothing was logged of.
Result<bool> Serve(const std::string& sandbox_id) {
  TRY(SecureProcess());
  OwnMounts own = TRY(EnterOwnMounts());
  UniqueFd null = TRY(OpenAt(AT_FDCWD, kNullFile, O_RDWR));
  TRY(VerifyDevNull(null.get()));
  EventLoop loop = TRY(EventLoop::Create());
  Timers timers;
  Children children;
  // Its pages are only touched as far as output comes in bulk.
  auto read_buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  LateLogs late_logs;
  OwnLog own_log;
  Logger log([&own_log](std::string_view line) { own_log.Write(line); }, LogLevel::kInfo);
  Environment env{loop, timers,     children,    log, late_logs, {read_buffer.get(), kReadBytes},
                  own,  null.get(), kShimExitsFd};
  TRY(children.Listen(loop));
  Result<> opened = own_log.Open(env, UniqueFd(kShimLogFd));
  if (!opened)
    log.Log(LogLevel::kWarning, "the shim's log may hold it", {{"error", opened.error().ToString()}});

  Result<> served = Run(env, sandbox_id);
  if (!served) LogEnd(log, sandbox_id, served.error());
  own_log.Drain();
  return served.has_value();
}

}  // namespace
}  // namespace davit::shim

int main(int argc, char** argv) {
  if (!davit::shim::IsStartedByDaemon(argc, argv)) return davit::shim::kUsageStatus;
  davit::Result<bool> served = davit::shim::Serve(argv[1]);
  if (served) return *served ? 0 : 1;
  davit::shim::LogEnd(davit::Logger(davit::shim::kShimLogFd, davit::LogLevel::kInfo), argv[1],
                      served.error());
  return 1;
}
