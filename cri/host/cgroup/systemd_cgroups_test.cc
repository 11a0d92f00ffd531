// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The driver systemd on a fake systemd and a tree of plain files. tests/v2host has it on real ones.
#include "cri/host/cgroup/systemd_cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/host/cgroup/testing/test_tree.h"
#include "cri/host/systemd/testing/fake_systemd.h"
#include "cri/host/systemd/unit_name.h"

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

constexpr char kUnit[] = "davit-c.scope";
constexpr char kPath[] = "/pods.slice/davit-c.scope";
constexpr char kRelative[] = "pods.slice/davit-c.scope";

SpawnRequest Sleep() {
  SpawnRequest request;
  request.program = "/bin/sleep";
  request.args = {"davit-placeholder", "1000"};
  return request;
}

class SystemdCgroupsTest : public testing::Test {
 protected:
  SystemdCgroupsTest() {
    MakeCgroup("");
    tree_.Write("pods.slice/memory.events", "oom_kill 0\n");
    host_.emplace(CgroupHost::Probe(tree_.path()).value());
    systemd_.on_start = [this](const std::string& unit, const UnitProperties& properties) {
      MakeCgroup(PathOf(unit, properties));
    };
    systemd_.on_stop = [this](const std::string& unit) { RemoveCgroup(unit); };
    cgroups_.emplace(SystemdCgroups::Ports{*host_, systemd_, *placeholders_,
                                           [this](pid_t) -> Result<std::string> { return joined_; }, log_},
                     SystemdPlacement::Make("/", "davit").value());
  }

  static std::string PathOf(const std::string& unit, const UnitProperties& properties) {
    for (const UnitProperty& property : properties) {
      if (property.name == "Slice") return "/" + std::get<std::string>(property.value) + "/" + unit;
    }
    return ExpandSlice(unit).value();
  }
  // With the files that the driver uses, and empty ones for limits.
  void MakeCgroup(const std::string& path) {
    for (const char* file : {"cgroup.controllers", "cgroup.subtree_control"})
      tree_.Write(path.substr(path.empty() ? 0 : 1) + "/" + file, "cpu memory pids");
    tree_.Write(path + "/cgroup.events", "populated 0\n");
    for (const char* file : {"cgroup.kill", "cgroup.procs", "memory.events", "memory.max", "memory.swap.max",
                             "cpu.max", "cpu.weight", "pids.max"})
      tree_.Write(path + "/" + file, "");
    tree_.Write(path + "/memory.current", "0\n");
    joined_ = path;
  }
  void RemoveCgroup(const std::string& unit) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree_.path())) {
      if (entry.path().filename() != unit) continue;
      std::filesystem::remove_all(entry.path());
      return;
    }
  }
  bool Exists(const std::string& path) const { return std::filesystem::exists(tree_.path() + path); }

  Result<ContainerCgroup> Create(const CgroupResources& resources = {},
                                 const std::vector<DeviceRule>& devices = {}) {
    return cgroups_->CreateContainer(kPath, resources, devices);
  }
  static std::string TargetOf(const UniqueFd& fd) {
    std::string link = "/proc/self/fd/" + std::to_string(fd.get());
    return fd ? std::filesystem::read_symlink(link).string() : "(none)";
  }
  std::string Read(const char* file) const { return tree_.Read(std::string(kRelative) + "/" + file); }
  UnitProperties PropertiesOf(const std::string& unit) const { return systemd_.units().at(unit); }

  TestTree tree_;
  std::optional<CgroupHost> host_;
  FakeSystemd systemd_;
  std::unique_ptr<Placeholders> placeholders_ = Placeholders::Open(Sleep()).value();
  std::string logged_;
  Logger log_{[this](std::string_view line) { logged_ += line; }, LogLevel::kInfo};
  std::string joined_;  // where the last unit's process is
  std::optional<SystemdCgroups> cgroups_;
};

TEST_F(SystemdCgroupsTest, AContainerIsAScopeWithLimitsInBothPlaces) {
  CgroupResources resources{.cpu_quota = 60'001, .cpu_period = 100'000, .memory_limit = 1 << 20};
  Result<ContainerCgroup> made = Create(resources);
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_THAT(PropertiesOf(kUnit),
              IsSupersetOf(UnitProperties{
                  {"Slice", "pods.slice"},
                  {"Delegate", true},
                  {"PIDs", std::vector<uint32_t>{static_cast<uint32_t>(made->placeholder.pid())}},
                  {"MemoryMax", uint64_t{1 << 20}},
                  {"CPUQuotaPerSecUSec", uint64_t{610'000}}}));
  EXPECT_EQ(Read("memory.max"), std::to_string(1 << 20));
  EXPECT_EQ(Read("cpu.max"), "61000 100000");
  EXPECT_TRUE(made->fds.unified);
  EXPECT_TRUE(made->fds.kill);
  EXPECT_TRUE(made->fds.oom);
  EXPECT_EQ(TargetOf(made->fds.parent_oom), tree_.path() + "/pods.slice/memory.events");
  EXPECT_EQ(made->fds.procs.size(), 1U);
  EXPECT_THAT(systemd_.calls(), ElementsAre("StartTransientUnit davit-c.scope")) << "one call, no more";
}

TEST_F(SystemdCgroupsTest, ALimitIsChangedInBothPlaces) {
  ASSERT_TRUE(Create());
  tree_.Write(std::string(kRelative) + "/cpu.max", "max 100000\n");
  Result<> updated = cgroups_->Update(kPath, {.cpu_quota = 30'001, .memory_limit = 1 << 20});
  ASSERT_TRUE(updated) << updated.error().ToString();
  EXPECT_EQ(systemd_.change(kUnit), (UnitProperties{{"CPUQuotaPeriodUSec", uint64_t{100'000}},
                                                    {"CPUQuotaPerSecUSec", uint64_t{310'000}},
                                                    {"MemoryMax", uint64_t{1 << 20}}}));
  EXPECT_EQ(Read("memory.max"), std::to_string(1 << 20));
  EXPECT_EQ(Read("cpu.max"), "31000 100000");
}

TEST_F(SystemdCgroupsTest, ARefusedChangeIsNotWritten) {
  ASSERT_TRUE(Create());
  systemd_.Fail("SetUnitProperties", Code::kDeadlineExceeded);
  EXPECT_EQ(cgroups_->Update(kPath, {.memory_limit = 1 << 20}).error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(Read("memory.max"), "");
  tree_.Write(std::string(kRelative) + "/memory.current", std::to_string(2 << 20));
  EXPECT_EQ(cgroups_->Update(kPath, {.memory_limit = 1 << 20}).error().code, Code::kFailedPrecondition);
  EXPECT_THAT(systemd_.change(kUnit), IsEmpty()) << "systemd would have processes killed";
}

TEST_F(SystemdCgroupsTest, WithoutALimitOfTasksAScopeHasNone) {
  ASSERT_TRUE(Create());
  EXPECT_THAT(PropertiesOf(kUnit), Contains(UnitProperty{"TasksMax", UINT64_MAX}));
}

// Whatever the reason is, the cgroup is still the container's.
TEST_F(SystemdCgroupsTest, AUnitThatSystemdDoesNotKnowGetsItsLimitsInTheFiles) {
  ASSERT_TRUE(Create());
  systemd_.Fail("SetUnitProperties", Code::kNotFound);
  Result<> updated = cgroups_->Update(kPath, {.memory_limit = 1 << 20});
  EXPECT_TRUE(updated) << updated.error().ToString();
  EXPECT_EQ(Read("memory.max"), std::to_string(1 << 20));
  EXPECT_THAT(logged_, AllOf(HasSubstr("level=warning"), HasSubstr(kUnit)));
}

TEST_F(SystemdCgroupsTest, AChangeThatIsAppliedTooLateIsTakenBack) {
  ASSERT_TRUE(Create());
  tree_.Write(std::string(kRelative) + "/memory.max", "4096\n");
  systemd_.FailAfter("SetUnitProperties", Code::kDeadlineExceeded);
  EXPECT_EQ(cgroups_->Update(kPath, {.memory_limit = 1 << 20}).error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(systemd_.change(kUnit), (UnitProperties{{"MemoryMax", uint64_t{4096}}}));
  EXPECT_EQ(Read("memory.max"), "4096\n");

  for (const char* file : {"cpu.idle", "cpu.weight"})
    tree_.Write(std::string(kRelative) + "/" + file, file == std::string("cpu.idle") ? "0\n" : "17\n");
  systemd_.FailAfter("SetUnitProperties", Code::kDeadlineExceeded);
  CgroupResources idle;
  idle.unified = {{"cpu.idle", "1"}};
  EXPECT_FALSE(cgroups_->Update(kPath, idle));
  EXPECT_EQ(systemd_.change(kUnit), (UnitProperties{{"CPUWeight", uint64_t{17}}}));
}

TEST_F(SystemdCgroupsTest, OfAContainerThatHasEndedSystemdIsAskedNothing) {
  ASSERT_TRUE(Create());
  RemoveCgroup(kUnit);  // as systemd does when the last process has ended
  std::vector<std::string> before = systemd_.calls();
  EXPECT_TRUE(cgroups_->Remove(kPath));
  EXPECT_EQ(systemd_.calls(), before);
}

TEST_F(SystemdCgroupsTest, AUnitThatCannotBeStoppedIsLogged) {
  ASSERT_TRUE(Create());
  systemd_.on_stop = nullptr;
  for (Code code : {Code::kDeadlineExceeded, Code::kFailedPrecondition, Code::kInternal}) {
    logged_.clear();
    systemd_.Fail("StopUnit", code);
    (void)cgroups_->Remove(kPath);
    EXPECT_THAT(logged_, AllOf(HasSubstr("level=warning"), HasSubstr(kUnit)));
  }
}

TEST_F(SystemdCgroupsTest, RemoveStopsTheUnit) {
  ASSERT_TRUE(Create());
  Result<> removed = cgroups_->Remove(kPath);
  ASSERT_TRUE(removed) << removed.error().ToString();
  EXPECT_FALSE(Exists(kPath));
  EXPECT_THAT(systemd_.units(), IsEmpty());
  EXPECT_THAT(systemd_.calls(), ElementsAre("StartTransientUnit davit-c.scope", "StopUnit davit-c.scope"))
      << "one call, no more";
  EXPECT_TRUE(cgroups_->Remove(kPath)) << "idempotent";
}

TEST_F(SystemdCgroupsTest, WithoutAnAnswerACgroupIsRemovedNevertheless) {
  for (Code code : {Code::kDeadlineExceeded, Code::kUnavailable}) {
    // A directory without files, as the kernel's: rmdir(2) removes it.
    std::filesystem::create_directories(tree_.path() + kPath);
    systemd_.Fail("StopUnit", code);
    EXPECT_TRUE(cgroups_->Remove(kPath));
    EXPECT_FALSE(Exists(kPath));
  }
  EXPECT_THAT(systemd_.calls(), Not(Contains(HasSubstr("ResetFailedUnit")))) << "it would wait again";
}

TEST_F(SystemdCgroupsTest, AUnitThatFailedBeforeIsReplaced) {
  systemd_.AddFailed(kUnit);
  Result<ContainerCgroup> made = Create();
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_THAT(systemd_.calls(),
              ElementsAre("StartTransientUnit davit-c.scope", "ResetFailedUnit davit-c.scope",
                          "StartTransientUnit davit-c.scope"));
}

TEST_F(SystemdCgroupsTest, AUnitThatFailsToStartIsForgotten) {
  systemd_.Fail("StartTransientUnit", Code::kFailedPrecondition);
  EXPECT_EQ(Create().error().code, Code::kFailedPrecondition);
  EXPECT_THAT(systemd_.calls(), ElementsAre("StartTransientUnit davit-c.scope",
                                            "ResetFailedUnit davit-c.scope", "StopUnit davit-c.scope"));
}

TEST_F(SystemdCgroupsTest, AScopeThatExistsIsNamedAndStays) {
  systemd_.AddUnit(kUnit);
  joined_ = "/system.slice/davitd.service";
  Result<ContainerCgroup> made = Create();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kAlreadyExists);
  EXPECT_THAT(made.error().ToString(), HasSubstr(kUnit));
  EXPECT_TRUE(systemd_.units().contains(kUnit));
}

// The connection was lost after systemd had made the scope, and the call was repeated.
TEST_F(SystemdCgroupsTest, AScopeThatTheRepeatedCallFindsIsOurs) {
  MakeCgroup(kPath);
  systemd_.AddUnit(kUnit);
  Result<ContainerCgroup> made = Create();
  EXPECT_TRUE(made) << made.error().ToString();
}

TEST_F(SystemdCgroupsTest, AScopeElsewhereIsRefusedAndStopped) {
  systemd_.on_start = [this](const std::string&, const UnitProperties&) { joined_ = "/machine/x.scope"; };
  Result<ContainerCgroup> made = Create();
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().ToString(), AllOf(HasSubstr(kPath), HasSubstr("/machine/x.scope")));
  EXPECT_THAT(systemd_.units(), IsEmpty());
}

TEST_F(SystemdCgroupsTest, AFailureLeavesNothing) {
  for (Code code : {Code::kInternal, Code::kDeadlineExceeded}) {
    systemd_.Fail("StartTransientUnit", code);
    EXPECT_EQ(Create().error().code, code);
    systemd_.FailAfter("StartTransientUnit", code);
    EXPECT_EQ(Create().error().code, code);
    EXPECT_THAT(systemd_.units(), IsEmpty());
    EXPECT_FALSE(Exists(kPath));
  }
  CgroupResources refused;
  refused.unified = {{"hugetlb.3KB.max", "1"}};
  EXPECT_FALSE(Create(refused));
  EXPECT_THAT(systemd_.units(), IsEmpty());
  EXPECT_FALSE(Exists(kPath));

  refused.unified = {{"memory.max", "lots"}};
  Result<ContainerCgroup> made = Create(refused);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalidArgument);

  refused.unified = {{"pids.max", "1"}};
  made = Create(refused);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().ToString(), HasSubstr("needs 2"));
}

TEST_F(SystemdCgroupsTest, APodWithoutAParentIsASlice) {
  std::string path = cgroups_->placement().OwnPod("p");
  Result<> made = cgroups_->CreatePod(path);
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_THAT(PropertiesOf("davit-pods-p.slice"),
              Contains(UnitProperty{"Wants", std::vector<std::string>{"davit-pods.slice"}}));
  EXPECT_TRUE(cgroups_->CreatePod(path)) << "it may exist";
  EXPECT_TRUE(cgroups_->Remove(path));
  EXPECT_THAT(systemd_.units(), IsEmpty());
}

TEST_F(SystemdCgroupsTest, TheShimsScopeHasNoLimitOfTasks) {
  Result<Placeholder> placeholder =
      cgroups_->CreateOwnScope("/davit.slice/davit-shims-1.scope", "Davit shims");
  ASSERT_TRUE(placeholder) << placeholder.error().ToString();
  EXPECT_GT(placeholder->pid(), 0);
  EXPECT_THAT(PropertiesOf("davit-shims-1.scope"),
              IsSupersetOf(UnitProperties{{"Slice", "davit.slice"}, {"TasksMax", UINT64_MAX}}));
}

TEST_F(SystemdCgroupsTest, AnExecAsksNothingOfSystemd) {
  ASSERT_TRUE(Create());
  std::vector<std::string> before = systemd_.calls();
  ExecCgroups execs;
  std::filesystem::create_directories(tree_.path() + kPath + "/davit-exec");
  tree_.Write(std::string(kRelative) + "/davit-exec/cgroup.events", "populated 0\n");
  EXPECT_TRUE(cgroups_->LendToExec(execs, kPath, "e"));
  EXPECT_EQ(systemd_.calls(), before);
}

TEST_F(SystemdCgroupsTest, PathsOfTheOtherDriverNeedNoSystemd) {
  const std::string path = "/davit/pods/p";
  std::filesystem::create_directories(tree_.path() + path);
  EXPECT_TRUE(cgroups_->Remove(path));
  EXPECT_FALSE(Exists(path));
  (void)cgroups_->CreatePod(path);
  (void)cgroups_->CreateContainer(path, {}, {});
  (void)cgroups_->Update(path, {});
  EXPECT_THAT(systemd_.calls(), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
