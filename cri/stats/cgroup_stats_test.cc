// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Figures read from trees of plain files that stand for cgroup mounts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/testing/test_tree.h"
#include "cri/stats/cri_usage.h"
#include "cri/stats/disk_io.h"
#include "cri/stats/metrics.h"
#include "cri/stats/pressure.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kPath[] = "/pods/a";

class CgroupStats : public ::testing::Test {
 protected:
  void V1() {
    for (const char* controller : {"cpuacct", "memory", "pids"})
      tree_.Write(std::string(controller) + "/cgroup.procs", "");
    tree_.Write("cpuacct/pods/a/cpuacct.usage", "123456789\n");
    tree_.Write("memory/pods/a/memory.usage_in_bytes", "1000000\n");
    tree_.Write("memory/pods/a/memory.stat",
                "cache 1\nrss 2\ntotal_cache 500000\ntotal_rss 400000\ntotal_mapped_file 7000\n"
                "total_pgfault 77\ntotal_pgmajfault 5\ntotal_inactive_file 300000\ntotal_active_file 90000\n"
                "total_swap 4096\nhierarchical_memory_limit 2000000\nhierarchical_memsw_limit 3000000\n");
    tree_.Write("pids/pods/a/pids.current", "7\n");
  }
  void Hybrid() {
    V1();
    tree_.Write("unified/cgroup.controllers", "");
    tree_.Write("unified/cgroup.procs", "");
    Pressures("unified/pods/a");
  }
  void V2() {
    tree_.Write("cgroup.controllers", "cpu io memory pids\n");
    tree_.Write("cgroup.procs", "");
    tree_.Write("pods/a/cpu.stat", "usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\n");
    tree_.Write("pods/a/memory.current", "1000000\n");
    tree_.Write("pods/a/memory.stat",
                "anon 400000\nfile 500000\nfile_mapped 7000\ninactive_file 300000\nactive_file 90000\n"
                "pgfault 77\npgmajfault 5\n");
    tree_.Write("pods/a/memory.max", "2000000\n");
    tree_.Write("pods/a/memory.swap.current", "4096\n");
    tree_.Write("pods/a/memory.swap.max", "1000000\n");
    tree_.Write("pods/a/pids.current", "7\n");
    Pressures("pods/a");
  }
  void Pressures(const std::string& dir) {
    for (const char* resource : {"cpu", "memory", "io"})
      tree_.Write(dir + "/" + resource + ".pressure",
                  "some avg10=1.50 avg60=0.25 avg300=0.01 total=1234\n"
                  "full avg10=0.50 avg60=0.00 avg300=0.00 total=34\n");
  }

  CgroupFiles Files(const std::string& path = kPath) {
    if (hierarchies_.empty()) hierarchies_ = FindHierarchies(tree_.path()).value();
    return CgroupFiles(hierarchies_, path);
  }

  void ExpectTheFigures() {
    EXPECT_TRUE(Files().Exist());
    std::optional<v1::CpuUsage> cpu = CpuUsageOf(Files(), rate_);
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->usage_core_nano_seconds().value() / 1000, 123456U);
    EXPECT_GT(cpu->timestamp(), 0);
    EXPECT_FALSE(cpu->has_usage_nano_cores());
    std::optional<MemoryUse> use = ReadMemory(Files());
    ASSERT_TRUE(use);
    v1::MemoryUsage memory = MemoryUsageOf(Files(), *use);
    EXPECT_GT(memory.timestamp(), 0);
    EXPECT_EQ(memory.usage_bytes().value(), 1'000'000U);
    EXPECT_EQ(memory.working_set_bytes().value(), 700'000U);
    EXPECT_EQ(memory.available_bytes().value(), 1'300'000U);
    EXPECT_EQ(memory.rss_bytes().value(), 400'000U);
    EXPECT_EQ(memory.page_faults().value(), 77U);
    EXPECT_EQ(memory.major_page_faults().value(), 5U);
    std::optional<v1::SwapUsage> swap = SwapUsageOf(*use);
    ASSERT_TRUE(swap);
    EXPECT_EQ(swap->swap_usage_bytes().value(), 4096U);
    EXPECT_EQ(swap->swap_available_bytes().value(), 995'904U);
    EXPECT_EQ(ProcessUsageOf(Files())->process_count().value(), 7U);
    EXPECT_EQ(use->cache, 500'000U);
    EXPECT_EQ(use->mapped_file, 7'000U);
    EXPECT_EQ(use->active_file, 90'000U);
  }

  void ExpectThePressure() {
    v1::CpuUsage cpu = CpuUsageOf(Files(), rate_).value();
    EXPECT_EQ(cpu.psi().some().total(), 1234U);
    EXPECT_EQ(cpu.psi().some().avg10(), 1.5);
    EXPECT_EQ(cpu.psi().some().avg60(), 0.25);
    EXPECT_EQ(cpu.psi().some().avg300(), 0.01);
    EXPECT_EQ(cpu.psi().full().total(), 34U);
    EXPECT_EQ(MemoryUsageOf(Files(), *ReadMemory(Files())).psi().some().total(), 1234U);
    EXPECT_EQ(IoUsageOf(Files())->psi().full().avg10(), 0.5);
  }

  TestTree tree_;
  std::vector<CgroupHierarchy> hierarchies_;
  CpuRate rate_;
};

TEST_F(CgroupStats, AreReadFromV1) {
  V1();
  ExpectTheFigures();
  EXPECT_FALSE(CpuUsageOf(Files(), rate_)->has_psi());
  EXPECT_FALSE(IoUsageOf(Files()));
}

TEST_F(CgroupStats, AreReadFromV2) {
  V2();
  ExpectTheFigures();
  ExpectThePressure();
}

TEST_F(CgroupStats, AreReadFromV1WithThePressureOfV2WhereBothAre) {
  Hybrid();
  ExpectTheFigures();
  ExpectThePressure();
}

TEST_F(CgroupStats, WithoutALimitNothingIsSaidToBeAvailable) {
  V2();
  tree_.Write("pods/a/memory.max", "max\n");
  tree_.Write("pods/a/memory.swap.max", "max\n");
  MemoryUse use = ReadMemory(Files()).value();
  EXPECT_FALSE(MemoryUsageOf(Files(), use).has_available_bytes());
  EXPECT_FALSE(SwapUsageOf(use)->has_swap_available_bytes());
}

TEST_F(CgroupStats, TheLargestNumberOfPagesOfV1IsNoLimit) {
  V1();
  tree_.Write("memory/pods/a/memory.stat",
              "hierarchical_memory_limit 9223372036854771712\n"
              "hierarchical_memsw_limit 9223372036854771712\ntotal_swap 0\n");
  MemoryUse use = ReadMemory(Files()).value();
  EXPECT_FALSE(use.available());
  EXPECT_FALSE(use.swap_available());
}

TEST_F(CgroupStats, AWorkingSetIsNeverBelowZeroNorIsWhatIsAvailable) {
  V2();
  tree_.Write("pods/a/memory.current", "100\n");
  EXPECT_EQ(ReadMemory(Files())->working_set(), 0U) << "file pages charged to a child are counted later";
  tree_.Write("pods/a/memory.current", "9000000\n");
  EXPECT_EQ(ReadMemory(Files())->available(), 0U);
}

TEST_F(CgroupStats, SwapThatIsNotCountedIsLeftOut) {
  V1();
  tree_.Write("memory/pods/a/memory.stat", "total_rss 1\n");
  EXPECT_FALSE(SwapUsageOf(*ReadMemory(Files())));
}

TEST_F(CgroupStats, OfACgroupThatIsGoneThereAreNone) {
  V1();
  CgroupFiles gone = Files("/pods/b");
  EXPECT_FALSE(gone.Exist());
  EXPECT_FALSE(CpuUsageOf(gone, rate_));
  EXPECT_FALSE(ReadMemory(gone));
  EXPECT_FALSE(ProcessUsageOf(gone));
}

TEST_F(CgroupStats, DamagedFilesAreLeftOut) {
  V2();
  tree_.Write("pods/a/cpu.stat", "usage_usec lots\n");
  tree_.Write("pods/a/memory.current", "\n");
  tree_.Write("pods/a/pids.current", "7 dwarfs\n");
  tree_.Write("pods/a/io.pressure", "");
  EXPECT_FALSE(CpuUsageOf(Files(), rate_));
  EXPECT_FALSE(ReadMemory(Files()));
  EXPECT_FALSE(ProcessUsageOf(Files()));
  EXPECT_FALSE(IoUsageOf(Files()));
}

TEST_F(CgroupStats, DiskIoIsReadFromV1AndV2Alike) {
  std::vector<DeviceIo> expected = {{8, 0, 100, 10, 200, 20}, {259, 3, 1, 1, 0, 0}};
  tree_.Write("blkio/cgroup.procs", "");
  tree_.Write("blkio/pods/a/blkio.throttle.io_service_bytes_recursive",
              "8:0 Read 100\n8:0 Write 200\n8:0 Sync 300\n8:0 Total 300\n259:3 Read 1\nTotal 301\n");
  tree_.Write("blkio/pods/a/blkio.throttle.io_serviced_recursive",
              "8:0 Read 10\n8:0 Write 20\n259:3 Read 1\nTotal 31\n");
  EXPECT_EQ(ReadDiskIo(Files()), expected);

  TestTree v2;
  v2.Write("cgroup.controllers", "io\n");
  v2.Write("cgroup.procs", "");
  v2.Write("pods/a/io.stat",
           "8:0 rbytes=100 wbytes=200 rios=10 wios=20 dbytes=0 dios=0\n"
           "259:3 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\nnonsense\n");
  std::vector<CgroupHierarchy> hierarchies = FindHierarchies(v2.path()).value();
  EXPECT_EQ(ReadDiskIo(CgroupFiles(hierarchies, kPath)), expected);
}

TEST(MetricList, AValueHasTheLabelsOfItsDescriptorAndNoTimestamp) {
  MetricList::Metrics metrics;
  MetricList list({"/pods/a", "a", "image", "pod", "namespace", "container"}, metrics);
  list.Add("container_memory_failures_total", 7, {"pgfault", "container"});
  list.Add("not_described", 1);

  ASSERT_EQ(metrics.size(), 1);
  EXPECT_EQ(metrics[0].metric_type(), v1::COUNTER);
  EXPECT_EQ(metrics[0].timestamp(), 0) << "it was not kept but read";
  EXPECT_EQ(metrics[0].value().value(), 7U);
  EXPECT_THAT(metrics[0].label_values(), ::testing::ElementsAre("/pods/a", "a", "image", "pod", "namespace",
                                                                "container", "pgfault", "container"));
  for (const v1::MetricDescriptor& descriptor : MetricDescriptors()) {
    if (descriptor.name() != "container_memory_failures_total") continue;
    EXPECT_THAT(descriptor.label_keys(), ::testing::ElementsAre("id", "name", "image", "pod", "namespace",
                                                                "container", "failure_type", "scope"));
  }
}

TEST(PressureFile, OfAnOlderKernelsCpuHasNoFullLine) {
  std::optional<Pressure> pressure = ParsePressure("some avg10=0.10 avg60=0.00 avg300=0.00 total=9\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->some.total_us, 9U);
  EXPECT_EQ(pressure->full, Stall());
}

}  // namespace
}  // namespace davit::cri
