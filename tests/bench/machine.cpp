// SPDX-License-Identifier: GPL-3.0-or-later
#include "machine.h"

#include <cstdlib>
#include <fstream>

namespace chromatch {

std::string processor_name()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name"))
            return line.substr(line.find(':') + 2);
    return "unknown";
}

double load_average()
{
    double load = -1.0;
    getloadavg(&load, 1);
    return load;
}

} // namespace chromatch
