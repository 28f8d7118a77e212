//! What is wrong in a board file is told at its place, and nothing is passed over.

use std::path::Path;

use circuits_stub::{BoardFile, BoardFileError};

/// A file, and what is said of it. A device of these is in line 1.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[[can]]\ninterfaces = [\"can0\"]",
        "2:14: this is to be two interfaces, or more",
    ),
    (
        "[[can]]\ninterfaces = [\"can0\", \"can0\"]",
        "2:23: this is the same interface",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"mcp3008\"\nreference = 0",
        "4:13: this is to be more than 0",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[wire]]\nbetween = [\"A\", \"gpiochip0:0\"]",
        "5:17: this is the same line",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"wheel_encoder\"\nlines = [\"A\", \"A\"]",
        "6:15: this is the same line",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"ranger\"\ntrigger = \"A\"\necho = \"A\"",
        "7:8: this is the same line",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"button\"\nline = \"A\"\nto = \"ground\"\npressed = { every = \"999 us\", for = \"1 us\" }",
        "8:21: this is to be 1 ms or longer",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\", \"B\"]\n[[part]]\npart = \"encoder\"\nlines = [\"A\", \"B\"]\nturned = { every = \"1 ns\", clicks = 9 }",
        "7:20: this is to be 1 ms or longer",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\ntimes = 2\nalways = true",
        "6:9: it happens always",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nseed = 1",
        "6:8: this needs the key chance beside it",
    ),
    // A mark that some editors begin with is not seen.
    ("\u{feff}modell = 1", "1:1: no key modell: did you mean"),
    // TOML.
    ("model = ", "1:9: "),
    ("model = \"a\"\nmodel = \"b\"", "2:1: duplicate key"),
    ("[[i2c]", "1:7: "),
    ("model = \"\u{fc}\"\n\u{1f600} = 1", "2:1: "),
    // The board.
    (
        "modell = \"Rover\"",
        "1:1: no key modell: did you mean \"model\"?",
    ),
    ("model = 3", "1:9: this is to be a text, and is a number"),
    (
        "time = \"vitual\"",
        "1:8: no time \"vitual\": did you mean \"virtual\"?",
    ),
    (
        "trace = \"no\"",
        "1:9: this is to be true, false or a list, like [\"gpio\", \"notes\"], and is a text",
    ),
    (
        "trace = [\"gpoi\"]",
        "1:10: no kind \"gpoi\": did you mean \"gpio\"?",
    ),
    (
        "board = \"beaglebone\"",
        "1:9: no board \"beaglebone\": there are raspberry-pi-3b, raspberry-pi-4b",
    ),
    (
        "i2c = 7",
        "1:7: this is to be a list of tables, which begin with two brackets, and is a number",
    ),
    (
        "[i2c]\nbus = \"i2c-1\"",
        "1:1: this is to be a list of tables, which begin with two brackets, and is a table",
    ),
    // Lines.
    ("[[chip]]\nlines = [\"A\"]", "1:1: this needs the key label"),
    (
        "[[chip]]\nlabel = \"x\"\nlines = []",
        "3:9: a chip has one line at least",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\", 2]",
        "3:15: this is to be a text, and is a number",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"LED\"]\n[lines]\nLEDD = { pull = \"up\" }",
        "5:1: no line \"LEDD\": did you mean \"LED\"?",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"LED\"]\n[lines]\nLED = { pull = \"left\" }",
        "5:16: no pull \"left\": there are up, down",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"LED\"]\n[lines]\nLED = { pul = \"up\" }",
        "5:9: no key pul: did you mean \"pull\"?",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"LED\"]\n[lines]\nLED = { held = { every = \"1 s\", for = \"1 s\" } }",
        "5:16: this needs the key held_by beside it",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[wire]]\nbetween = [\"A\"]",
        "5:11: a wire has two ends, or more",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[wire]]\nbetween = [\"A\", \"gpiochip0:1\"]",
        "5:17: the virtual board has no line",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\", \"A\"]\n[[wire]]\nbetween = [\"A\", \"A\"]",
        "5:12: the virtual board has several lines",
    ),
    (
        "board = \"raspberry-pi-5\"\n[header]\n11 = \"GPIO18\"",
        "3:6: programs have something else at header:11",
    ),
    (
        "board = \"raspberry-pi-5\"\n[header]\n41 = \"GPIO18\"",
        "3:1: this is to be a number, 1 to 40",
    ),
    // Buses.
    (
        "[[i2c]]\nbus = \"i2c-l\"",
        "2:7: \"i2c-l\" is no name of an I2C bus, like i2c-1",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\ncontroller = \"bcm2711\"",
        "3:14: no controller \"bcm2711\": there are bcm2835, designware, i801",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48",
        "3:11: this is of a device, which needs the key chip",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"tmp102\"\nfrequency = 400_000",
        "4:13: this is of the bus, which has a table of its own",
    ),
    (
        "[[spi]]\nnode = \"spi0.0\"",
        "2:8: the virtual board has no SPI node \"spi0.0\"",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nbufsiz = 0",
        "3:10: this is to be 1 to 16777216",
    ),
    (
        "[[uart]]\nport = \"tty AMA0\"",
        "2:8: \"tty AMA0\" is no name of a serial port, like ttyAMA0",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\ncable = \"ttyS0\"",
        "3:9: this is the port itself",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nloop = true\ncable = \"ttyS1\"",
        "4:9: there is something on ttyS0 already",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\npty = true",
        "3:7: other programs, for which a pseudo-terminal is, have no virtual time: say time = \"real\"",
    ),
    (
        "[[can]]\ninterface = \"a name that is long\"",
        "2:13: \"a name that is long\" is no name of a CAN interface, like can0",
    ),
    (
        "[[can]]\ninterface = \"can0\"\nbitrate = 0",
        "3:11: this is to be 1 to 1000000",
    ),
    ("[[can]]\ninterface = \"can0\"\nbitrate = 3", "3:11: "),
    (
        "[[can]]\ninterface = \"vcan0\"\nvcan = true\nchip = \"odrive\"\naxis = 0",
        "2:13: CAN interface \"vcan0\" has no wires",
    ),
    // Chips.
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 1\nchip = \"bme208\"",
        "4:8: no chip \"bme208\": did you mean \"bme280\"?",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"bme280\"\nadress = 1",
        "4:1: no key adress: did you mean \"address\"?",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"bme280\"",
        "1:1: this needs the key address",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x80\nchip = \"tmp102\"",
        "3:11: this is to be 0 to 127",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = \"0x48\"\nchip = \"tmp102\"",
        "3:11: this is to be a whole number, and is a text",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 1\nchip = \"w25q32jv\"",
        "4:8: a w25q32jv is not on [[i2c]], but on [[spi]]",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\nhumidity = 3",
        "5:1: no key humidity: there are ",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\n[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"",
        "7:11: there is a device at 0x48 on i2c-1 already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\nname = \"a\"\n[[i2c]]\nbus = \"i2c-1\"\naddress = 0x49\nchip = \"tmp102\"\nname = \"a\"",
        "10:8: there is a part \"a\" already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x51\nchip = \"at24c16\"",
        "3:11: no at24c16 has the address 0x51: it can have 0x50",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"bme280\"",
        "3:11: no bme280 has the address 0x48: it can have 0x76 or 0x77",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x02\nchip = \"mcp23017\"",
        "3:11: no mcp23017 has the address 0x02: it can have one of 0x20 to 0x27",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x55\nchip = \"at24c04\"",
        "3:11: no at24c04 has the address 0x55: it can have one of 0x50, 0x52, 0x54, 0x56",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x50\nchip = \"at24c01\"\ncontents = { file = \"nothing.bin\" }",
        "5:21: ",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"ads1115\"\nvolts = [1, 2, 3, 4, 5]",
        "5:9: this is to have 4 numbers at most",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"ads1115\"\nalert_pin = \"GPIO4\"",
        "5:13: no line \"GPIO4\": there are none",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ndatetime = 2026-11-22",
        "5:12: this is to be a date with a time",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ndatetime = 1999-11-22T00:00:00",
        "5:12: this clock has the years 2000 to 2199, and not 1999",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ndatetime = 2026-11-22T00:00:00+01:00",
        "5:12: this is to be in UTC",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ndatetime = 2026-11-22T00:00:00.5Z",
        "5:12: this is to be in UTC, and in whole seconds",
    ),
    // A name has 15 bytes at most: IFNAMSIZ.
    (
        "[[can]]\ninterface = \"sixteen-letters-\"",
        "2:13: \"sixteen-letters-\" is no name of a CAN interface",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x20\nchip = \"mcp23017\"\ninput = { 16 = \"high\" }",
        "5:11: this is to be a number, 0 to 15",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"max7219\"\n[[spi]]\nnode = \"spidev0.0\"\nchip = \"max7219\"",
        "5:8: there is a device on spidev0.0 already",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"mcp2515\"\n",
        "1:1: this needs the key oscillator_hz",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"ssd1306\"\nsize = \"128x46\"",
        "4:8: no size \"128x46\": did you mean \"128x64\"?",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"sd_card\"\nselect = \"GPIO4\"",
        "4:10: no line \"GPIO4\": there are none",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"gps\"\nposition = { latitude = 1 }",
        "4:12: this needs the key longitude",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"modem\"\ndelay = 5",
        "4:9: this is to be a time, like \"200 ms\", and is a number",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"modem\"\ndelay = \"5\"",
        "4:9: this is no time, like \"200 ms\": time unit needed",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"modem\"\ncable = \"ttyS1\"",
        "4:9: a chip is connected to the port already",
    ),
    (
        "[[can]]\ninterface = \"can0\"\nchip = \"odrive\"\naxis = 64",
        "4:8: this is to be 0 to 63",
    ),
    // Quantities.
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = nan",
        "5:11: this is no number that there is",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { mean = 1, amplitude = 2 }",
        "5:11: this needs the key period",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { mean = 1, amplitude = 2, period = \"0 s\" }",
        "5:47: this is to be longer than no time",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { csv = \"night.csv\" }",
        "5:19: ",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { csv = \"damaged.csv\" }",
        "5:19: ",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { csv = \"day.csv\", column = \"humidty\" }",
        "5:39: no column \"humidty\" in day.csv: did you mean \"humidity\"?",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { csv = \"day.csv\", speed = 0 }",
        "5:38: this is to be more than 0",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\npascals = 1\nhectopascals = 1",
        "6:16: this is said by pascals already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nair = { celsius = 1 }\nhumidity = 1",
        "6:1: air says what humidity is already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x18\nchip = \"lis3dh\"\ng = [0, 1]",
        "5:5: this is to have 3 numbers: x, y, z",
    ),
    // What cannot be measured, or says nothing, and errors that say what to do.
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = 300",
        "5:11: this is to be -55 to 150",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nhumidity = 150",
        "5:12: this is to be 0 to 100",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\npascals = 1",
        "5:11: this is to be 30000 to 110000",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nhectopascals = 1200",
        "5:16: this is to be 300 to 1100",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nair = { celsius = 85.5 }",
        "5:19: this is to be -40 to 85",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\ncelsius = { mean = 80, amplitude = -6, period = \"1 h\" }",
        "5:11: this goes from 74 to 86, and is to be -40 to 85",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\ncelsius = { start = 90, per_second = -1 }",
        "5:21: this is to be -40 to 85",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"ads1115\"\nvolts = [0, 7]",
        "5:13: this is to be 0 to 5.5",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ncelsius = 200",
        "5:11: this is to be -128 to 127.75",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x18\nchip = \"lis3dh\"\ng = [0, 0, 17]",
        "5:12: this is to be -16 to 16",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"mpu6050\"\ndegrees_a_second = [0, 0, 2001]",
        "5:27: this is to be -2000 to 2000",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"mpu6050\"\ncelsius = 86",
        "5:11: this is to be -40 to 85",
    ),
    (
        "[[spi]]\nnode = \"spidev0.0\"\nchip = \"mcp3008\"\nvolts = [-1]",
        "4:10: this is to be 0 to 5.5",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"gps\"\nposition = [91, 0, 0]",
        "4:13: this is to be -90 to 90",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\", \"B\"]\n[[part]]\npart = \"wheel_encoder\"\nlines = [\"A\", \"B\"]\nspeed = 1e9",
        "7:9: this is to be -100000 to 100000",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\", \"B\"]\n[[part]]\npart = \"ranger\"\ntrigger = \"A\"\necho = \"B\"\ndistance = -1",
        "8:12: this is to be 0 or more",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nloop = false",
        "3:8: this is true, or the key is not there",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\npty = false",
        "3:7: this is true, or the key is not there",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\nname = \"\"",
        "5:8: a name has one character at least",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\nfrequncy = 1",
        "5:1: no key frequncy: there are address, bus, celsius, chip, held_by, name",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nair = { celsius = 1 }\nhectopascals = 990",
        "6:1: air says what hectopascals is already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x18\nchip = \"lis3dh\"\ng = [0, 0, 1]\nx = 1",
        "6:1: g says what x is already",
    ),
    (
        "[[can]]\ninterfaces = [\"can0\", \"can1\"]\ninterface = \"can0\"",
        "3:13: interfaces, which are on one bus, have a table for themselves",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\nair = { csv = \"way.csv\" }",
        "5:15: no column \"celsius\" in way.csv: there are latitude, longitude",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\npascals = { csv = \"way.csv\" }",
        "5:19: no column \"pascals\" in way.csv: there are",
    ),
    (
        "[[can]]\ninterface = \"vcan0\"\nvcan = true\nbitrate = 500_000",
        "4:11: a vcan has no wires, and nothing to be set up",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x68\nchip = \"ds3231\"\ndatetime = 1800-11-22T00:00:00",
        "5:12: this clock has the years 2000 to 2199, and not 1800",
    ),
    (
        "[[uart]]\nport = \"ttyS0\"\nchip = \"modem\"\ndatetime = 2100-01-01T00:00:00",
        "4:12: this clock has the years 2000 to 2099, and not 2100",
    ),
    (
        "board = \"raspberry-pi-5\"\n[[part]]\npart = \"led\"\nline = \"header:1\"",
        "4:8: header:1: this pin is the supply of 3.3 V",
    ),
    (
        "board = \"raspberry-pi-5\"\n[lines]\n\"header:6\" = { pull = \"up\" }",
        "3:1: header:6: this pin is ground",
    ),
    // Parts.
    (
        "board = \"raspberry-pi-5\"\n[[part]]\npart = \"led\"\nline = \"LAMP\"",
        "4:8: no line \"LAMP\"\n",
    ),
    (
        "[[part]]\npart = \"buton\"",
        "2:8: no part \"buton\": did you mean \"button\"?",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"button\"\nline = \"A\"",
        "4:1: this needs the key to",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"button\"\nline = \"A\"\nto = \"ground\"\npressed = { every = \"1 s\", for = \"1 s\" }",
        "8:34: this is to be less",
    ),
    (
        "[[chip]]\nlabel = \"x\"\nlines = [\"A\"]\n[[part]]\npart = \"encoder\"\nlines = [\"A\"]",
        "6:9: an encoder has two lines",
    ),
    // Faults.
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\n[[fault]]\nfault = \"no_acknowledge\"\nbus = \"i2c-1\"\naddress = 0x33",
        "8:11: nothing is at 0x33 on i2c-1; there is 0x48",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\n[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\naddress = 0x33",
        "12:11: nothing is at 0x33 on i2c-1; there are 0x48, 0x76",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\naddress = 0x33",
        "6:11: nothing is at 0x33 on i2c-1; it has no chips",
    ),
    (
        "[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\naddress = 0x33",
        "3:7: the virtual board has no I2C bus \"i2c-1\"",
    ),
    (
        "[[fault]]\nfault = \"timed_out\"\nnode = \"spidev0.0\"",
        "3:8: the virtual board has no SPI node \"spidev0.0\"",
    ),
    (
        "[[fault]]\nfault = \"brk\"\nport = \"ttyS0\"",
        "3:8: the virtual board has no serial port \"ttyS0\"",
    ),
    (
        "[[fault]]\nfault = \"overrun\"\ninterface = \"can0\"",
        "3:13: the virtual board has no CAN interface \"can0\"",
    ),
    (
        "[[can]]\ninterface = \"vcan0\"\nvcan = true\n[[fault]]\nfault = \"overrun\"\ninterface = \"vcan0\"",
        "6:13: CAN interface \"vcan0\" has no wires",
    ),
    (
        "[[fault]]\nfault = \"stuck_low\"\nline = \"LED\"",
        "3:8: no line \"LED\": there are none",
    ),
    (
        "[[fault]]\nfault = \"failed\"\nbus = \"i2c-1\"\nnode = \"spidev0.0\"",
        "4:1: a fault is in one place: there is bus already",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nchance = 10",
        "6:10: this is to be 0 to 1",
    ),
    (
        "[[fault]]\nfault = \"stuck\"",
        "1:1: this needs one of the keys bus, node, port, interface and line",
    ),
    (
        "[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"",
        "3:7: the virtual board has no I2C bus \"i2c-1\"",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"nack\"\nbus = \"i2c-1\"",
        "4:9: no fault \"nack\": there are no_acknowledge, ",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nchance = 1.5\nseed = 1",
        "6:10: this is to be 0 to 1",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nchance = 0.5",
        "3:1: this needs the key seed",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nuntil = \"1 s\"\nnot_before = \"2 s\"",
        "6:9: it is over then before it begins",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\n[[fault]]\nfault = \"stuck\"\nbus = \"i2c-1\"\nid = 3",
        "6:1: no key id: ",
    ),
    (
        "[[can]]\ninterface = \"can0\"\n[[fault]]\nfault = \"overrun\"\ninterface = \"can0\"\nid = \"12\"",
        "6:6: ",
    ),
];

fn mistake(text: &str) -> BoardFileError {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boards");
    let built = BoardFile::parse(text).and_then(|file| file.base(base).virtual_time().build());
    built.expect_err(text)
}

#[test]
fn mistakes_are_told_at_their_places() {
    let mut missed = Vec::new();
    for (text, says) in MISTAKES {
        let error = mistake(text).to_string();
        if !error.starts_with(says) {
            missed.push(format!("{error}\nand not: {says}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn the_place_is_shown() {
    let error =
        mistake("# \u{fc}ber\n\t[[i2c]]\n\tbus = \"i2c-1\"\n\tchip = \"bme208\"\n\taddress = 1");
    assert_eq!(
        error.to_string(),
        "4:9: no chip \"bme208\": did you mean \"bme280\"?\n4 | \tchip = \"bme208\"\n  | \t       ^^^^^^^^"
    );
    assert_eq!((error.line(), error.column()), (Some(4), Some(9)));
    assert_eq!(
        error.message(),
        "no chip \"bme208\": did you mean \"bme280\"?"
    );
    // Characters are counted, not bytes; the end of the file is a place, too.
    let error = mistake("model = \"\u{fc}\u{fc}\" x");
    assert_eq!(
        (error.line(), error.column()),
        (Some(1), Some(14)),
        "{error}"
    );
    let error = mistake("model =");
    assert_eq!(
        (error.line(), error.column()),
        (Some(1), Some(8)),
        "{error}"
    );
    assert_eq!(mistake("\n\n\r\ntime = 3\r\n").line(), Some(4));
}

/// Words that nobody writes are not compared with those that there are, which would take long.
#[test]
fn long_words_are_told_at_once() {
    let word = "a".repeat(100_000);
    let text = format!("[[chip]]\nlabel = \"x\"\nlines = [\"{word}\"]\n[lines]\n{word}b = {{}}");
    let error = mistake(&text);
    assert_eq!((error.line(), error.column()), (Some(5), Some(1)));
}

/// A column is looked at as a whole, in the units that it has in the file.
#[test]
fn what_a_column_has_is_looked_at() {
    let hot = |settings: &str| {
        let text =
            format!("[[i2c]]\nbus = \"i2c-1\"\naddress = 0x76\nchip = \"bme280\"\n{settings}");
        mistake(&text).to_string()
    };
    for (settings, says) in [
        (
            r#"air = { csv = "hot.csv" }"#,
            r#"hot.csv: "300" in column celsius, at 12:00, is to be -40 to 85"#,
        ),
        (
            r#"hectopascals = { csv = "hot.csv" }"#,
            r#"hot.csv: "1200" in column hectopascals, at 12:00, is to be 300 to 1100"#,
        ),
        (
            r#"humidity = { csv = "hot.csv", factor = 2 }"#,
            r#"hot.csv: "60" in column humidity, at 12:00, is to be 0 to 50"#,
        ),
        (
            r#"air = { csv = "dry.csv" }"#,
            r#"no column "pascals" or "hectopascals" in dry.csv: there are celsius, humidity"#,
        ),
    ] {
        let error = hot(settings);
        assert!(error.contains(says), "{error}");
    }
}

/// Who names no file, or a board that is none, is told what to do.
#[test]
fn what_is_no_file_is_explained() {
    let error = BoardFile::read("").unwrap_err().to_string();
    let missing = "the name of the board's file is missing, like board.toml in stub:board.toml";
    assert_eq!(error, missing);
    let error = BoardFile::read("raspberry-pi-3b").unwrap_err().to_string();
    let says = "; raspberry-pi-3b is a shipped board, which is had by a file with \
                board = \"raspberry-pi-3b\", or by BoardFile::shipped_named";
    assert!(error.starts_with("raspberry-pi-3b: this cannot be read: ") && error.ends_with(says));
    let error = BoardFile::read("raspberry").unwrap_err().to_string();
    assert!(!error.contains("shipped"), "{error}");
}

#[test]
fn a_file_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boards");
    let error = BoardFile::read(folder.join("mistaken.toml")).and_then(|file| file.build());
    let error = error.unwrap_err();
    let says = format!("{}:4:15: there", folder.join("mistaken.toml").display());
    assert!(error.to_string().starts_with(&says), "{error}");
    // What is wrong in a file that it names is told there, with its line.
    let error = mistake(
        "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = { csv = \"damaged.csv\" }",
    );
    assert!(
        error
            .message()
            .ends_with("damaged.csv: \"warm\" in column celsius, at 1, is no number"),
        "{error}"
    );
}
