#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <saola/base/cores.hpp>
#include <saola/testing/temp_folder.hpp>
namespace saola {
namespace {

class CgroupCores : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  std::optional<double> cores() { return cgroup_cores(folder_ / "cgroup", folder_ / "fs"); }

 private:
  const TempFolder folder_;
};

TEST_F(CgroupCores, TakesTheTightestOfVersionTwo) {
  write("cgroup", "0::/system.slice/saola.service");
  EXPECT_FALSE(cores());
  write("fs/system.slice/saola.service/cpu.max", "max 100000");
  EXPECT_FALSE(cores());
  write("fs/system.slice/saola.service/cpu.max", "250000 100000");
  EXPECT_EQ(cores(), 2.5);
  write("fs/system.slice/cpu.max", "100000 100000");
  EXPECT_EQ(cores(), 1.0);
}

TEST_F(CgroupCores, ReadsTheRootOfAContainer) {
  write("cgroup", "0::/");
  write("fs/cpu.max", "50000 100000");
  EXPECT_EQ(cores(), 0.5);
}

TEST_F(CgroupCores, ReadsVersionOne) {
  write("cgroup", "5:memory:/a\n3:cpu,cpuacct:/docker/x");
  write("fs/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1");
  write("fs/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000");
  EXPECT_FALSE(cores());
  write("fs/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "300000");
  EXPECT_EQ(cores(), 3.0);
}

TEST_F(CgroupCores, SurvivesNonsense) {
  write("cgroup", "nonsense\n0::relative\n::\n0::/x");
  write("fs/x/cpu.max", "1 2 3 nonsense");
  EXPECT_FALSE(cores());
}

TEST(AllowedCores, IsAtLeastOne) {
  EXPECT_GE(allowed_cores(), 1u);
}

}  // namespace
}  // namespace saola
