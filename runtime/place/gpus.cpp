#include "place/gpus.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "core/fd.hpp"
#include "core/file.hpp"

namespace inferstep {
namespace {

using PciAttributes = hwloc_obj_attr_u::hwloc_pcidev_attr_s;

constexpr unsigned kNvidia = 0x10de;
constexpr unsigned kDisplay = 0x03;  // PCI base class: VGA (0x0300) and 3D controllers (0x0302)

std::string pci_address(const PciAttributes& pci) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", pci.domain, pci.bus, pci.dev, pci.func);
}

bool can_open(int minor) {
    return static_cast<bool>(UniqueFd(open(fmt::format("/dev/nvidia{}", minor).c_str(), O_RDWR | O_CLOEXEC)));
}

// What follows `key` in the driver's description of a GPU, up to the end of the line.
std::string value_of(const std::string& text, const std::string& key) {
    const std::size_t found = text.find(key);
    const std::size_t first = found == std::string::npos ? found : text.find_first_not_of(" \t", found + key.size());
    return first == std::string::npos ? "" : text.substr(first, text.find_first_of(" \t\r\n", first) - first);
}

// The driver's number and name for the GPU at `address`. False: this process may not open it.
bool identify(const std::string& address, Gpu& gpu) {
    const Result<std::string> text = read_file("/proc/driver/nvidia/gpus/" + address + "/information");
    const std::string minor = text ? value_of(*text, "Device Minor:") : "";
    if (std::from_chars(minor.data(), minor.data() + minor.size(), gpu.minor).ec != std::errc{}) {
        return false;
    }
    gpu.uuid = value_of(*text, "GPU UUID:");
    return can_open(gpu.minor);
}

// Where a sandbox hides the PCI bus or the driver's files, the device nodes still tell how many there are.
std::vector<Gpu> from_device_nodes() {
    constexpr int kMostGpus = 64;
    std::vector<Gpu> gpus;
    for (int minor = 0; minor < kMostGpus; ++minor) {
        if (can_open(minor)) {
            gpus.push_back({static_cast<int>(gpus.size()), -1, "NVIDIA GPU", minor});
        }
    }
    return gpus;
}

// The domain that shares most CPUs with the device's surroundings; -1 when they are the whole machine.
int domain_near(hwloc_topology_t t, hwloc_obj_t device, const Topology& topology) {
    hwloc_obj* const around = hwloc_get_non_io_ancestor_obj(t, device);
    if (around == nullptr || around->cpuset == nullptr || topology.domains.empty()) {
        return -1;
    }
    std::vector<int> shared(topology.domains.size(), 0);
    int total = 0;
    for (const Cpu& cpu : topology.cpus) {
        if (hwloc_bitmap_isset(around->cpuset, static_cast<unsigned>(cpu.os)) != 0) {
            ++shared[static_cast<std::size_t>(cpu.domain)];
            ++total;
        }
    }
    const bool everywhere = total == static_cast<int>(topology.cpus.size()) && topology.domains.size() > 1;
    return total == 0 || everywhere ? -1
                                    : static_cast<int>(std::max_element(shared.begin(), shared.end()) - shared.begin());
}

}  // namespace

void find_gpus(hwloc_topology_t loaded, Topology& topology) {
    const bool here = hwloc_topology_is_thissystem(loaded) != 0;
    std::vector<std::pair<std::string, Gpu>> found;
    for (hwloc_obj_t device = nullptr; (device = hwloc_get_next_pcidev(loaded, device)) != nullptr;) {
        const PciAttributes& pci = device->attr->pcidev;
        if (pci.vendor_id != kNvidia || (pci.class_id >> 8U) != kDisplay) {
            continue;
        }
        const char* name = hwloc_obj_get_info_by_name(device, "PCIDevice");
        Gpu gpu{0, domain_near(loaded, device, topology), name != nullptr ? name : "NVIDIA GPU"};
        if (here && !identify(pci_address(pci), gpu)) {
            ++topology.hidden_gpus;
            continue;
        }
        found.emplace_back(pci_address(pci), std::move(gpu));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [address, gpu] : found) {
        gpu.index = static_cast<int>(topology.gpus.size());
        topology.gpus.push_back(std::move(gpu));
    }
    if (here && topology.gpus.empty()) {
        topology.gpus = from_device_nodes();
    }
}

}  // namespace inferstep
