// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Measures how fast the output of a command comes through an exec stream, beside a plain pipe between two
// processes and a plain TCP connection on the same machine in the same run, and what memory that takes of the
// daemon.

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "base/file_io.h"
#include "base/spawn.h"
#include "tests/bench/exec_output.h"
#include "tests/bench/processes.h"
#include "tests/bench/server.h"

namespace davit::bench {
namespace {

struct Options {
  std::string socket;
  std::string image;
  std::string scratch;
  int mebibytes = 10 << 10;
  int rounds = 3;
};

template <typename T>
T OrThrow(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}

std::vector<std::string> Writer(const std::string& program, int mebibytes) {
  return {program, "if=/dev/zero", "bs=1M", "count=" + std::to_string(mebibytes)};
}

uint64_t CountToEnd(const UniqueFd& fd) {
  constexpr size_t kBuffer = 1 << 20;
  auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  uint64_t count = 0;
  for (ssize_t n = 0; (n = read(fd.get(), buffer.get(), kBuffer)) > 0;) count += static_cast<uint64_t>(n);
  return count;
}

uint64_t CountPipe(int mebibytes) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("pipe2: " + ErrnoText(errno));
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  ChildProcess child = OrThrow(
      Spawn({.program = "/bin/dd", .args = Writer("dd", mebibytes), .env = {}, .fds = {{writer.get(), 1}}}));
  writer.Reset();
  uint64_t count = CountToEnd(reader);
  OrThrow(Reap(child));
  return count;
}

// Two threads of this process: what TCP itself can do on this machine.
uint64_t CountTcp(int mebibytes) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  // Listening without an address takes a free port, of every address.
  if (listen(listener.get(), 1) < 0 || getsockname(listener.get(), generic, &size) < 0 ||
      connect(client.get(), generic, size) < 0)
    throw std::runtime_error("connect to loopback: " + ErrnoText(errno));
  std::jthread writer([mebibytes, socket = UniqueFd(accept(listener.get(), nullptr, nullptr))] {
    const std::string block(1 << 20, '\0');
    for (int i = 0; i < mebibytes; ++i) {
      if (!WriteAll(socket.get(), block, "loopback")) return;
    }
  });
  return CountToEnd(client);
}

// Prints the speed of one way for the bytes, and returns it in MiB a second.
double Measure(const std::string& name, const Options& options, const std::function<uint64_t()>& count) {
  auto began = std::chrono::steady_clock::now();
  uint64_t bytes = count();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (bytes != static_cast<uint64_t>(options.mebibytes) << 20)
    throw std::runtime_error(name + ": " + std::to_string(bytes) + " bytes came");
  double speed = options.mebibytes / took.count();
  std::cout << name << ": " << static_cast<int>(speed) << " MiB/s\n" << std::flush;
  return speed;
}

void Run(const Options& options) {
  Server server("davit", options.socket, options.scratch, options.image);
  server.PullImage();
  BenchPod pod = server.NewPod();
  server.RunPod(pod);
  server.Create(pod);
  server.Start(pod);
  auto exec = [&](ExecProtocol protocol) {
    return [&, protocol] {
      return CountExecOutput(server.ExecUrl(pod, Writer("dd", options.mebibytes)), protocol);
    };
  };
  MemoryWatch memory(server.pid());
  for (int i = 0; i < options.rounds; ++i) {
    double pipe = Measure("pipe", options, [&] { return CountPipe(options.mebibytes); });
    Measure("TCP on loopback", options, [&] { return CountTcp(options.mebibytes); });
    double web_socket = Measure("exec, WebSocket", options, exec(ExecProtocol::kWebSocket));
    double spdy = Measure("exec, SPDY", options, exec(ExecProtocol::kSpdy));
    std::cout << "of the pipe's speed: WebSocket " << static_cast<int>(100 * web_socket / pipe) << " %, SPDY "
              << static_cast<int>(100 * spdy / pipe) << " %\n";
  }
  std::cout << "resident memory of the daemon: " << memory.before_kib() << " KiB before, " << memory.PeakKib()
            << " KiB at most, " << memory.NowKib() << " KiB after\n";
  server.StopPod(pod);
  server.RemovePod(pod);
}

int Main(int argc, char** argv) {
  CLI::App app("Measures an exec's output beside a pipe");
  Options options;
  app.add_option("--socket", options.socket, "of the CRI server")->required();
  app.add_option("--image", options.image, "image of the container, with dd")->required();
  app.add_option("--scratch", options.scratch, "directory for logs")->required();
  app.add_option("--mebibytes", options.mebibytes, "of each stream");
  app.add_option("--rounds", options.rounds, "each is a pipe and one exec of each protocol");
  CLI11_PARSE(app, argc, argv);
  Run(options);
  return 0;
}

}  // namespace
}  // namespace davit::bench

int main(int argc, char** argv) {
  try {
    return davit::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "stream_bench: " << error.what() << "\n";
    return 1;
  }
}
