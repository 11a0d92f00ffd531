// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/session_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "base/codec.h"
#include "base/duplicate.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/pump.h"
#include "cli/terminal/raw_mode.h"
#include "cli/terminal/session_signals.h"
#include "shim/protocol.h"
#include "shim/session.h"

namespace davit::cli {
namespace {

using shim::FdRole;

constexpr int kSignalStatus = 128;
// So many interrupts that a command outlives end the session.
constexpr int kMostInterrupts = 3;

class Carrier {
 public:
  // `link` is null for a container.
  Carrier(const Session& session, SessionLink* link, Descriptors streams, const SessionChoice& choice,
          SessionSignals signals)
      : session_(session),
        link_(link),
        streams_(std::move(streams)),
        choice_(choice),
        signals_(std::move(signals)),
        keys_(choice.detach_keys) {}

  Result<SessionEnd> Run() {
    TRY(Connect());
    while (!end_) {
      std::array<pollfd, kWaits> waits = Waits();
      if (TEMP_FAILURE_RETRY(poll(waits.data(), waits.size(), /*timeout=*/-1)) < 0)
        return SystemError("poll", "session");
      TRY(Handle(waits));
      if (link_ == nullptr && out_.ended() && err_.ended())
        end_ = SessionEnd{SessionEnd::How::kStreamsEnded, 0};
    }
    return *end_;
  }

 private:
  static constexpr size_t kWaits = 7;
  enum Wait : size_t { kIn, kOut, kErr, kInterrupt, kSignal, kLink, kCutOff };

  // Takes over the streams that have come so far: a command's terminal comes later, with its start.
  Result<> Connect() {
    const Console& console = session_.console;
    UniqueFd out = streams_.Take(FdRole::kStdout), err = streams_.Take(FdRole::kStderr);
    if (out) out_ = Pump::FromOwned(std::move(out), console.out);
    if (err) err_ = Pump::FromOwned(std::move(err), console.err);
    cut_off_ = streams_.Take(FdRole::kCutOff);
    UniqueFd in = streams_.Take(FdRole::kStdin);
    if (!in) in = streams_.Take(FdRole::kInput);
    if (in && choice_.input) {
      fcntl(in.get(), F_SETFL, O_NONBLOCK);
      in_ = Pump::ToOwned(console.in, std::move(in));
    }
    if (UniqueFd terminal = streams_.Take(FdRole::kTerminal)) return UseTerminal(std::move(terminal));
    return {};
  }

  // A container's output comes by its pipes, a command's by the terminal itself.
  Result<> UseTerminal(UniqueFd terminal) {
    terminal_ = std::move(terminal);
    if (fcntl(terminal_.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "terminal");
    const Console& console = session_.console;
    if (link_ != nullptr) out_ = Pump(terminal_.get(), console.out);
    if (choice_.input) {
      if (isatty(console.in) != 0) raw_.emplace(TRY(RawMode::Of(console.in)));
      in_ = Pump(console.in, terminal_.get(), [this](std::string_view typed) { return keys_.Pass(typed); });
    }
    Resize();
    return {};
  }

  std::array<pollfd, kWaits> Waits() const {
    std::array<pollfd, kWaits> waits{};
    waits[kIn] = in_.Wait();
    waits[kOut] = out_.Wait();
    waits[kErr] = err_.Wait();
    waits[kInterrupt] = {session_.interrupt.fd(), POLLIN, 0};
    waits[kSignal] = {signals_.fd(), POLLIN, 0};
    waits[kLink] = {link_ == nullptr || exited_ ? -1 : link_->fd(), POLLIN, 0};
    waits[kCutOff] = {cut_off_.get(), POLLIN, 0};
    return waits;
  }

  Result<> Handle(const std::array<pollfd, kWaits>& waits) {
    if (waits[kOut].revents != 0) out_.Step();
    if (waits[kErr].revents != 0) err_.Step();
    if (waits[kIn].revents != 0) in_.Step();
    if (keys_.found()) return Detach();
    if (waits[kInterrupt].revents != 0) OnInterrupt(session_.interrupt.TakeSignal());
    if (waits[kSignal].revents != 0) OnSignal(signals_.Take());
    if (waits[kCutOff].revents != 0)
      return Fail(Code::kUnavailable, "attach", "",
                  "the container wrote faster than this terminal or pipe took it; it goes on");
    if (waits[kLink].revents != 0) TRY(OnFrame());
    if (exited_) EndAfterRest();
    // A command with pipes learns it from its own pipe. A terminal and a container do not, and go on.
    if (out_.broken() && !end_ && (terminal_ || link_ == nullptr))
      end_ = SessionEnd{SessionEnd::How::kLeft, kSignalStatus + SIGPIPE};
    return {};
  }

  Result<> OnFrame() {
    Frame frame = TRY(ExplainEnd(link_->Receive()));
    if (frame.type == static_cast<uint32_t>(shim::ShimMessage::kExecStarted)) {
      if (UniqueFd terminal = frame.fds.Take(FdRole::kTerminal)) return UseTerminal(std::move(terminal));
    } else if (frame.type == static_cast<uint32_t>(shim::ShimMessage::kExecExited)) {
      exited_ = TRY(Decode<shim::ExecExited>(frame.payload, "ExecExited")).exit_code;
    }
    return {};
  }

  static Result<Frame> ExplainEnd(Result<Frame> frame) {
    bool closed = !frame && frame.error().code == Code::kUnavailable && frame.error().os_errno == 0;
    if (!closed) return frame;
    return Fail(Code::kUnavailable, "run command", "",
                "its pod has ended in an unusual way, and nobody knows the command's exit status");
  }

  // What the command has written until its end is in the pipes. What others write to them later is not waited
  // for.
  void EndAfterRest() {
    in_.End();
    out_.EndAfterRest();
    err_.EndAfterRest();
    if (out_.ended() && err_.ended()) end_ = SessionEnd{SessionEnd::How::kExited, *exited_};
  }

  Result<> Detach() {
    if (link_ != nullptr) link_->Detach();
    end_ = SessionEnd{SessionEnd::How::kDetached, 0};
    return {};
  }

  // At a terminal Ctrl-C is a key; such a signal comes from outside and means davit itself.
  void OnInterrupt(int signo) {
    if (signo == 0) return;
    bool ends = terminal_ || !choice_.signal || ++interrupts_ > kMostInterrupts;
    if (ends)
      end_ = SessionEnd{SessionEnd::How::kLeft, kSignalStatus + signo};
    else
      choice_.signal(signo);
  }

  void OnSignal(int signo) {
    switch (signo) {
      case 0:
        return;
      case SIGWINCH:
        return Resize();
      case SIGTSTP:
        return Stop();
      case SIGCONT:
        if (raw_) raw_->Enter();
        return Resize();
      default:
        if (!terminal_ && choice_.signal) choice_.signal(signo);
    }
  }

  // As SIGTSTP would without us, but the shell finds its terminal as it was. SIGCONT follows.
  void Stop() {
    if (raw_) raw_->Leave();
    (void)kill(getpid(), SIGSTOP);
  }

  void Resize() const {
    std::optional<TerminalSize> size = terminal_ ? WindowOf(session_.console) : std::nullopt;
    if (!size) return;
    winsize window{};
    window.ws_row = static_cast<uint16_t>(size->rows);
    window.ws_col = static_cast<uint16_t>(size->columns);
    (void)ioctl(terminal_.get(), TIOCSWINSZ, &window);
  }

  const Session& session_;
  SessionLink* const link_;
  Descriptors streams_;
  const SessionChoice& choice_;
  SessionSignals signals_;
  DetachFilter keys_;
  UniqueFd terminal_;
  UniqueFd cut_off_;
  Pump in_;
  Pump out_;
  Pump err_;
  std::optional<RawMode> raw_;
  std::optional<int> exited_;
  std::optional<SessionEnd> end_;
  int interrupts_ = 0;
};

}  // namespace

std::optional<TerminalSize> WindowOf(const Console& console) {
  for (int fd : {console.in, console.out}) {
    winsize size{};
    if (isatty(fd) != 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
      return TerminalSize{.columns = size.ws_col, .rows = size.ws_row};
  }
  return std::nullopt;
}

Result<> CheckInputDevice(const Console& console, bool terminal, bool input) {
  if (!terminal || !input || isatty(console.in) != 0) return {};
  return Fail(Code::kInvalidArgument, "-t", "standard input",
              "is not a terminal; with -i alone it need not be one");
}

Result<SessionEnd> RunCommandSession(const Session& session, SessionLink& link, Descriptors streams,
                                     const SessionChoice& choice) {
  return Carrier(session, &link, std::move(streams), choice, TRY(SessionSignals::Open())).Run();
}

Result<SessionEnd> RunContainerSession(const Session& session, Descriptors streams,
                                       const SessionChoice& choice) {
  return Carrier(session, nullptr, std::move(streams), choice, TRY(SessionSignals::Open())).Run();
}

}  // namespace davit::cli
