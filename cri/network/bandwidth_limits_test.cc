// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/bandwidth_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Result<BandwidthLimits> Read(const std::string& ingress) {
  ::runtime::v1::PodSandboxConfig config;
  (*config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = ingress;
  return BandwidthOf(config);
}

TEST(BandwidthLimits, AreQuantitiesOfKubernetes) {
  const std::pair<const char*, uint64_t> kQuantities[] = {{"10M", 10'000'000},
                                                          {"1k", 1000},
                                                          {"1500", 1500},
                                                          {"1.5k", 1500},
                                                          {"1Ki", 1024},
                                                          {"2Gi", 2147483648},
                                                          {"1P", 1'000'000'000'000'000},
                                                          {"2e6", 2'000'000},
                                                          {"2E6", 2'000'000},
                                                          {"+5k", 5000},
                                                          {".5M", 500'000},
                                                          {"1000500m", 1001},
                                                          {"1e+4", 10'000}};
  for (const auto& [text, bits] : kQuantities) {
    Result<BandwidthLimits> limits = Read(text);
    ASSERT_TRUE(limits) << limits.error().ToString();
    EXPECT_EQ(limits->ingress, bits) << text;
    EXPECT_EQ(limits->egress, std::nullopt);
  }
}

TEST(BandwidthLimits, AreNotGuessed) {
  for (const char* text :
       {"", "M", "10 M", "10Mb", "10m/s", "-1M", "1e", "1.2.3k", "0x10k", "1ki", "10K", "1Pi", "999",
        "999999m", "0", "2E", "1e9999999", "0e999999999", "1234567890123456789012345678901234567890"}) {
    Result<BandwidthLimits> limits = Read(text);
    ASSERT_FALSE(limits) << text;
    EXPECT_EQ(limits.error().code, Code::kInvalidArgument);
    EXPECT_THAT(limits.error().ToString(),
                AllOf(HasSubstr("kubernetes.io/ingress-bandwidth"), HasSubstr(text)));
  }
}

TEST(BandwidthLimits, AreAbsentWithoutAnnotations) {
  BandwidthLimits limits = BandwidthOf({}).value();
  EXPECT_FALSE(limits.ingress || limits.egress);
}

}  // namespace
}  // namespace davit::cri
