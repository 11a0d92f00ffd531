// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients and containers that ask for more than there is: the daemon and the shims keep their size (rule 15
// of the security rules, CONTRIBUTING.md).

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"
#include "tests/e2e/stream_client.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;

// A process of the runtime's, as /proc shows it.
class Process {
 public:
  explicit Process(pid_t pid) : directory_("/proc/" + std::to_string(pid)) {}

  long Descriptors() const {
    return std::distance(fs::directory_iterator(directory_ + "/fd"), fs::directory_iterator());
  }
  // Resident memory in KiB, and the most of it since the last ForgetPeak.
  long Resident() const { return Field("VmRSS:"); }
  long Peak() const { return Field("VmHWM:"); }
  void ForgetPeak() const { std::ofstream(directory_ + "/clear_refs") << "5"; }

 private:
  long Field(const std::string& name) const {
    std::string status = ReadFile(directory_ + "/status").value();
    return std::stol(status.substr(status.find(name) + name.size()));
  }

  std::string directory_;
};

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryTells = false;  // what was freed is kept for a while
#else
constexpr bool kMemoryTells = true;
#endif

class Exhaustion : public OwnInstanceTest {
 protected:
  Process Daemon() { return Process(instance().pid()); }
  Process Shim() { return Process(ShimsOf(instance()).at(ListPods().at(0).id())); }

  std::string AttachUrl(const std::string& container) {
    v1::AttachRequest request;
    request.set_container_id(container);
    request.set_stdout(true);
    request.set_stderr(true);
    return Must(cri().Ask(&RuntimeStub::Attach, request)).url();
  }
  void AttachAndLeave(const std::string& container, int times) {
    for (int i = 0; i < times; ++i) {
      StreamClient client(AttachUrl(container), "v5.channel.k8s.io");
      ASSERT_EQ(client.status(), 101) << "client " << i;
    }
  }
  void AwaitAtMost(const Process& process, long descriptors, const std::string& name) {
    WaitUntil(name + " closes what clients had open", [&] { return process.Descriptors() <= descriptors; });
  }
};

// CVE-2025-64329: a goroutine of containerd's stayed for every client.
TEST_F(Exhaustion, LongTenThousandAttachedClientsLeaveNothing) {
  constexpr long kSlack = 8 << 10;
  std::string container = RunIdle();
  Process daemon = Daemon();
  Process shim = Shim();
  const long daemon_descriptors = daemon.Descriptors();
  const long shim_descriptors = shim.Descriptors();
  AttachAndLeave(container, 500);
  const long daemon_memory = daemon.Resident();
  const long shim_memory = shim.Resident();

  AttachAndLeave(container, 10'000);

  AwaitAtMost(daemon, daemon_descriptors, "the daemon");
  AwaitAtMost(shim, shim_descriptors, "the shim");
  if (!kMemoryTells) return;
  EXPECT_LE(daemon.Resident(), daemon_memory + kSlack);
  EXPECT_LE(shim.Resident(), shim_memory + kSlack);
}

// CVE-2022-31030: the output of an ExecSync filled the daemon's memory.
TEST_F(Exhaustion, EndlessOutputOfAnExecSyncIsDrainedAndNotKept) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized build keeps what was freed";
  constexpr long kAnswers = 3 * (16'000'000 >> 10);  // what the daemon collects, and gRPC's copies
  std::string container = RunIdle();
  Process daemon = Daemon();
  Process shim = Shim();
  const long daemon_memory = daemon.Resident();
  const long shim_memory = shim.Resident();
  daemon.ForgetPeak();
  shim.ForgetPeak();
  v1::ExecSyncRequest request;
  request.set_container_id(container);
  for (const char* argument : {"sh", "-c", "head -c 200000000 /dev/zero"}) request.add_cmd(argument);

  v1::ExecSyncResponse response = Must(cri().Ask(&RuntimeStub::ExecSync, request));

  EXPECT_EQ(response.stdout().size(), 16'000'000U);
  EXPECT_LE(daemon.Peak(), daemon_memory + kAnswers);
  EXPECT_LE(shim.Peak(), shim_memory + (1 << 10));
}

}  // namespace
}  // namespace davit::e2e
